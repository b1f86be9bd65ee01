"""The `content-type` of an audio record: raw PCM in GStreamer's terms, or a self-contained file.

`audio/x-raw;format=S16LE;rate=44100;channels=2;layout=interleaved`, or `audio/wav`, `audio/flac`, `audio/ogg`,
`audio/mpeg`. A leaf: settings check themselves with it.
"""

from __future__ import annotations

from enum import StrEnum

from daemon.audio_format import AudioFormat, SampleFormat

RAW = "audio/x-raw"
MAX_CONTENT_TYPE_CHARS = 256


class Container(StrEnum):
    """Self-contained kinds, by FFmpeg's name of the container."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"


_CONTAINERS = {
    "audio/wav": Container.WAV,
    "audio/x-wav": Container.WAV,
    "audio/wave": Container.WAV,
    "audio/flac": Container.FLAC,
    "audio/x-flac": Container.FLAC,
    "audio/ogg": Container.OGG,
    "audio/mpeg": Container.MP3,
}
_FORMATS = {
    "S16LE": SampleFormat.S16LE,
    "S24LE": SampleFormat.S24LE,
    "S32LE": SampleFormat.S32LE,
    "F32LE": SampleFormat.F32LE,
    "U8": SampleFormat.U8,
}


def parse_content_type(text: str) -> AudioFormat | Container:
    """What the type says. ValueError, fit to be shown, when it is not one of ours."""
    if len(text) > MAX_CONTENT_TYPE_CHARS:
        raise ValueError(f"a content type of {len(text)} characters")
    kind, *parameters = (part.strip() for part in text.split(";"))
    container = _CONTAINERS.get(kind.lower())
    if container is not None:
        return container
    if kind.lower() != RAW:
        raise ValueError(f"content type {kind!r} is not one of {RAW}, {', '.join(_CONTAINERS)}")
    fields = dict(_field(parameter) for parameter in parameters if parameter)
    missing = [name for name in ("format", "rate", "channels") if name not in fields]
    if missing:
        raise ValueError(f"content type {RAW} lacks {', '.join(missing)}")
    if fields.get("layout", "interleaved") != "interleaved":
        raise ValueError(f"layout {fields['layout']!r} is not interleaved")
    return _audio_format(fields)


def raw_content_type(audio_format: AudioFormat) -> str:
    """The content type of raw PCM of a format."""
    return (
        f"{RAW};format={audio_format.sample_format.name};rate={audio_format.sample_rate_hz};"
        f"channels={audio_format.channels};layout=interleaved"
    )


def _field(parameter: str) -> tuple[str, str]:
    name, _, value = parameter.partition("=")
    value = value.strip().strip('"')
    if value.startswith("(") and ")" in value:  # GStreamer writes (int)44100
        value = value.partition(")")[2]
    return name.strip().lower(), value.strip()


def _audio_format(fields: dict[str, str]) -> AudioFormat:
    sample_format = _FORMATS.get(fields["format"].upper())
    if sample_format is None:
        raise ValueError(f"format {fields['format']!r} is not one of {', '.join(_FORMATS)}")
    numbers = {}
    for name in ("rate", "channels"):
        if not (fields[name].isascii() and fields[name].isdecimal() and len(fields[name]) < 10):
            raise ValueError(f"{name}={fields[name]!r} is not a number")
        numbers[name] = int(fields[name])
    return AudioFormat(sample_format, numbers["rate"], numbers["channels"])

"""A record's self-contained file (WAV, FLAC, Ogg, MP3) -> PCM. Blocking: run it in a thread.

FFmpeg is held to the container that the record names and to that container's usual codecs: it neither guesses at other
formats nor opens anything else. What comes out is bounded while it is being decoded, whatever the file claims.
"""

from __future__ import annotations

import io

import av
from av.codec.context import CodecContext
from av.container import InputContainer

from daemon.audio_format import AudioFormat
from daemon.errors import BadChunk, BadRecord, RecordFault
from daemon.kafka.content_type import Container
from daemon.sources.decode import Decoder

MAX_DECODED_BYTES = 128 * 2**20  # a minute of 8 channels at 192 kHz would be more; of 5.1 at 48 kHz it is half
PIECE_S = 1.0  # how often the bounds are looked at, in seconds of audio

_WAV_CODECS = "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw"
_CODECS = {
    Container.WAV: _WAV_CODECS,
    Container.FLAC: "flac",
    Container.OGG: "vorbis,opus,libopus,flac,speex",
    Container.MP3: "mp3float,mp3",
}
_FAULTS = {
    "no_audio_stream": RecordFault.NO_AUDIO,
    "sample_format": RecordFault.AUDIO_FORMAT,
    "audio_format": RecordFault.AUDIO_FORMAT,
}


def decode_container(data: bytes, container: Container, name: str, max_s: float) -> tuple[AudioFormat, bytes]:
    """The format and the interleaved frames of a whole file; `name` stands for it in messages.

    Raises BadRecord: undecodable, no_audio, audio_format, or decoded_too_long (more than `max_s` seconds, or more than
    MAX_DECODED_BYTES). A file that is damaged in its middle is refused whole, for what follows the damage would lie at
    wrong positions; one that breaks off gives what is there.
    """
    try:
        with _opened(data, container) as file:
            return _joined(_decoder(file, container, name), name, max_s)
    except BadChunk as error:
        raise BadRecord(_FAULTS.get(error.reason, RecordFault.UNDECODABLE), str(error)) from error
    except (av.FFmpegError, ValueError) as error:  # ValueError: PyAV's own doubts about a file
        kind = error.strerror if isinstance(error, av.FFmpegError) else error
        raise BadRecord(RecordFault.UNDECODABLE, f"{name} is not {container} that can be decoded ({kind})") from error


def _opened(data: bytes, container: Container) -> InputContainer:
    options = {"protocol_whitelist": "none", "codec_whitelist": _CODECS[container]}
    return av.open(io.BytesIO(data), "r", format=container.value, metadata_errors="replace", options=options)


def _decoder(file: InputContainer, container: Container, name: str) -> Decoder:
    """A decoder of the file's audio. BadRecord when its codec is none of the container's usual ones."""
    decoder = Decoder(file, name, PIECE_S)
    context: CodecContext | None = file.streams.audio[0].codec_context  # None: FFmpeg has no decoder for it
    codec = "unknown" if context is None else context.name
    if codec not in _CODECS[container].split(","):
        raise BadRecord(RecordFault.UNDECODABLE, f"{name}: codec {codec} is not taken inside {container}")
    return decoder


def _joined(decoder: Decoder, name: str, max_s: float) -> tuple[AudioFormat, bytes]:
    """All pieces as one. BadRecord when there are none, too much, a hole between two, or a change of format."""
    audio, audio_format = bytearray(), None
    for piece in decoder.pieces():
        audio_format = audio_format or piece.format
        if piece.format != audio_format:
            raise BadRecord(RecordFault.AUDIO_FORMAT, f"{name}: the format changes inside")
        frames = len(audio) // audio_format.frame_bytes
        if piece.position != frames:
            raise BadRecord(RecordFault.UNDECODABLE, f"{name} is damaged after {audio_format.seconds(frames):g} s")
        audio += piece.audio
        if audio_format.seconds(frames + piece.frames) > max_s or len(audio) > MAX_DECODED_BYTES:
            raise BadRecord(RecordFault.DECODED_TOO_LONG, f"{name} decodes to more than {max_s:g} s, or is too wide")
    if audio_format is None:
        damaged = decoder.skipped_packets or decoder.stopped_by is not None
        fault = RecordFault.UNDECODABLE if damaged else RecordFault.NO_AUDIO
        raise BadRecord(fault, f"{name} holds no audio{' that can be decoded' if damaged else ''}")
    return audio_format, bytes(audio)

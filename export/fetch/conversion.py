"""A downloaded file -> mono FLAC at the wanted rate, named by what was downloaded. Blocking: run it in a thread."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import av
import numpy as np
import soxr

from export.data.decode import Floats, UnreadableAudio, mono_pieces
from export.fetch.faults import LinkFault
from models.whole_file import whole_file

AUDIO: Final = "audio"
_FLAC_FRAMES: Final = 4096
# Text that FFmpeg would take for a list of further files, on this machine perhaps.
_LISTS: Final = frozenset(("hls", "concat", "concatf", "dash", "imf", "sdp", "image2", "tedcaptions", "applehttp"))


@dataclass(frozen=True, slots=True)
class Converted:
    """file: relative to the folder. title, artist: as the file's own tags have them."""

    file: str
    source_sha256: str
    duration_s: float
    title: str | None
    artist: str | None


def convert(source: Path, folder: Path, rate_hz: int, max_duration_s: float) -> Converted:
    """Write `source` as 16-bit mono FLAC beneath `folder`, unless what it holds is there already.

    Longer recordings are cut at `max_duration_s`. LinkFault when it is no audio; OSError of the disk.
    """
    title, artist = _tags(source)
    digest = _sha256(source)
    file = Path(AUDIO) / str(rate_hz) / f"{digest[:32]}.flac"
    try:
        if (folder / file).is_file():
            duration_s = _duration_s(folder / file)
        else:
            with whole_file(folder / file) as target:
                duration_s = _encode(target, _resampled(source, rate_hz, max_duration_s), rate_hz)
    except av.FFmpegError as error:
        if isinstance(error.__context__, OSError):  # a full disk; closing the container then fails too, less clearly
            raise error.__context__ from None
        raise LinkFault(f"its audio cannot be written as FLAC ({error.strerror})") from None
    except UnreadableAudio as error:
        raise LinkFault(f"what was downloaded {str(error).removeprefix(str(source)).strip(' :')}") from None
    return Converted(file.as_posix(), digest, duration_s, title, artist)


def _tags(source: Path) -> tuple[str | None, str | None]:
    """Title and artist by the file's own word; LinkFault for what would lead FFmpeg to other files."""
    try:
        with (
            source.open("rb") as file,
            av.open(file, "r", metadata_errors="replace", options={"protocol_whitelist": "none"}) as container,
        ):
            if _LISTS & set(container.format.name.split(",")):
                raise LinkFault("what was downloaded is a list of other files, not audio")
            tags = {key.lower(): value for key, value in container.metadata.items()}
            return tags.get("title") or None, tags.get("artist") or None
    except av.FFmpegError as error:
        raise LinkFault(f"what was downloaded is not audio that FFmpeg can read ({error.strerror})") from None


def _resampled(source: Path, rate_hz: int, max_duration_s: float) -> Iterator[Floats]:
    """The file at `rate_hz`, in pieces of float32 (frames,); a change of its rate begins a new resampler."""
    resampler, its_rate_hz = None, 0
    for samples, source_rate_hz in beginning(mono_pieces(source), max_duration_s):
        if resampler is None or source_rate_hz != its_rate_hz:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            resampler, its_rate_hz = soxr.ResampleStream(source_rate_hz, rate_hz, 1, "float32", "HQ"), source_rate_hz
        yield resampler.resample_chunk(samples)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def beginning(pieces: Iterable[tuple[Floats, int]], longest_s: float) -> Iterator[tuple[Floats, int]]:
    """The pieces (samples, rate in Hz) up to `longest_s`; those after it are not asked for."""
    left_s = longest_s
    for samples, rate_hz in pieces:
        frames = round(left_s * rate_hz)
        yield samples[:frames], rate_hz
        if len(samples) >= frames:  # not "nothing is left": sums of seconds are not exact
            return
        left_s -= len(samples) / rate_hz


def _encode(target: IO[bytes], pieces: Iterator[Floats], rate_hz: int) -> float:
    """Write the pieces as FLAC; seconds."""
    frames = 0
    with av.open(target, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate_hz)
        stream.layout, stream.format = "mono", "s16"
        for block in _blocks(pieces):
            frame = av.AudioFrame.from_ndarray(_int16(block)[np.newaxis], "s16", "mono")
            frame.sample_rate, frame.pts = rate_hz, frames
            container.mux(stream.encode(frame))
            frames += len(block)
        container.mux(stream.encode(None))
    return frames / rate_hz


def _blocks(pieces: Iterator[Floats]) -> Iterator[Floats]:
    """The same samples in blocks of FLAC's own length; the last is shorter."""
    held = np.zeros(0, np.float32)
    for piece in pieces:
        held = np.concatenate([held, piece])
        whole = len(held) - len(held) % _FLAC_FRAMES
        yield from held[:whole].reshape(-1, _FLAC_FRAMES)
        held = held[whole:]
    if len(held):
        yield held


def _int16(samples: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.rint(np.clip(samples, -1.0, 32767 / 32768) * 32768).astype(np.int16)


def _duration_s(path: Path) -> float:
    return sum(len(samples) / rate_hz for samples, rate_hz in mono_pieces(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Any audio file that FFmpeg reads -> mono pieces, as the daemon hears them; a long file is never whole in memory.

Time is kept by the frames' timestamps: a corrupt stretch shows as a jump of `position`, audio sent twice is dropped.
The daemon's own reader (daemon/sources/decode.py, pcm.py) has the same rules; a test compares the two.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from export.errors import InputUnusable
from models.stretches import stretches

Floats = npt.NDArray[np.float32]

# The daemon's limits: what it would not take, nobody trains on.
MIN_RATE_HZ: Final = 8_000
MAX_RATE_HZ: Final = 192_000
MAX_CHANNELS: Final = 8

_ABSURD_AMPLITUDE: Final = 100.0  # 40 dB over full scale is no audio; such samples, and NaN, are taken for zero

# FFmpeg's samples: their dtype, the value of silence, and what full scale is divided by.
_SAMPLES: Final[dict[str, tuple[str, float, float]]] = {
    "u8": ("u1", 128.0, 2.0**7),
    "s16": ("=i2", 0.0, 2.0**15),
    "s32": ("=i4", 0.0, 2.0**31),
    "flt": ("=f4", 0.0, 1.0),
    "dbl": ("=f8", 0.0, 1.0),
}


class UnreadableAudio(InputUnusable):
    """A file that is missing, damaged beyond reading, or holds no audio; the message begins with its path."""


@dataclass(frozen=True, slots=True)
class MonoPiece:
    """Consecutive samples, float32 (frames,), full scale 1.

    run: grows by one where the file changes its rate or channels; positions (in frames) count from 0 in each run.
    """

    run: int
    position: int
    rate_hz: int
    samples: Floats

    @property
    def end(self) -> int:
        """The position after the last sample."""
        return self.position + len(self.samples)


def mono_pieces(path: Path, piece_s: float = 30.0) -> Iterator[tuple[Floats, int]]:
    """The file's audio, the mean of its channels: float32 (frames,) of at most about `piece_s`, and its rate in Hz.

    Missing stretches are silence. UnreadableAudio when no audio can be read.
    """
    run, end = 0, 0
    for piece in positioned_pieces(path, piece_s):
        end = end if piece.run == run else 0
        longest = max(1, round(piece_s * piece.rate_hz))
        for start in range(end, piece.position, longest):
            yield np.zeros(min(longest, piece.position - start), np.float32), piece.rate_hz
        yield piece.samples, piece.rate_hz
        run, end = piece.run, piece.end


def positioned_pieces(path: Path, piece_s: float = 30.0) -> Iterator[MonoPiece]:
    """The file's audio with its holes left out; UnreadableAudio when no audio can be read.

    Packets that cannot be decoded are skipped; a file that cannot be read on ends there.
    """
    heard = False
    with _opened(path) as container:
        if not container.streams.audio:
            raise UnreadableAudio(f"{path} has no audio stream")
        for piece in _pieces(container, path, piece_s):
            heard = True
            yield piece
    if not heard:
        raise UnreadableAudio(f"{path} holds no audio that could be decoded")


def _opened(path: Path) -> InputContainer:
    try:
        if path.is_dir():
            raise UnreadableAudio(f"{path} is a folder, not an audio file")
        if path.exists() and not path.is_file():
            raise UnreadableAudio(f"{path} is a pipe or a device, not an audio file")  # one might wait for ever
        if path.is_file() and not path.stat().st_size:
            raise UnreadableAudio(f"{path} is empty")
        # "file" alone: a text file that is really a playlist must not make FFmpeg fetch addresses.
        return av.open(f"file:{path}", "r", metadata_errors="replace", options={"protocol_whitelist": "file"})
    except FileNotFoundError:
        raise UnreadableAudio(f"{path} does not exist") from None
    except PermissionError:
        raise UnreadableAudio(f"{path} may not be read by this user (permission denied)") from None
    except (OSError, av.FFmpegError) as error:
        raise UnreadableAudio(f"{path} is not audio that FFmpeg can read ({error.strerror})") from None


def _pieces(container: InputContainer, path: Path, piece_s: float) -> Iterator[MonoPiece]:
    """The first audio stream's pieces."""
    stream = container.streams.audio[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    runs = itertools.count()

    def begin(first: AudioFrame) -> int:
        _check(first, path)
        return next(runs)

    time_base = Fraction(stream.time_base or 1)
    for run, start, held in stretches(_frames(container, stream), time_base, piece_s, _shape, begin):
        piece = MonoPiece(run, start, held[0].sample_rate, _mono(held))
        del held  # or these frames would be there while the next are collected
        yield piece


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        return


def _check(frame: AudioFrame, path: Path) -> None:
    """UnreadableAudio unless genred takes audio of this kind."""
    rate_hz, kind, channels = _shape(frame)
    if kind.removesuffix("p") not in _SAMPLES:
        raise UnreadableAudio(f"{path}: samples of FFmpeg's kind {kind} are not supported")
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or not 1 <= channels <= MAX_CHANNELS:
        raise UnreadableAudio(f"{path}: {rate_hz} Hz with {channels} channels is outside what genred takes")


def _shape(frame: AudioFrame) -> tuple[int, str, int]:
    return frame.sample_rate, frame.format.name, frame.layout.nb_channels


def _mono(frames: list[AudioFrame]) -> Floats:
    """The mean of the channels of frames of one format, float32 (frames,)."""
    channels = frames[0].layout.nb_channels
    sampled = np.concatenate([_channels(frame, channels) for frame in frames], axis=1)
    if channels == 1:
        return cast(Floats, sampled[0])
    if channels == 2:
        return cast(Floats, (sampled[0] + sampled[1]) * np.float32(0.5))
    return cast(Floats, sampled.mean(axis=0, dtype=np.float32))


def _channels(frame: AudioFrame, channels: int) -> npt.NDArray[Any]:
    """float32 (channels, frames), full scale 1."""
    name, silence, full_scale = _SAMPLES[frame.format.name.removesuffix("p")]
    if frame.format.is_packed:
        packed = np.frombuffer(memoryview(frame.planes[0]), name, frame.samples * channels)
        raw = packed.reshape(-1, channels).T
    else:
        raw = np.stack([np.frombuffer(memoryview(plane), name, frame.samples) for plane in frame.planes])
    samples = raw.astype(np.float32)
    if full_scale != 1.0:
        return (samples - np.float32(silence)) * np.float32(1 / full_scale)
    usable = np.abs(samples) <= _ABSURD_AMPLITUDE
    return samples if usable.all() else np.where(usable, samples, np.float32(0))

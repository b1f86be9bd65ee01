"""Any audio container that FFmpeg reads -> consecutive pieces of interleaved PCM. Blocking: run it in a thread.

Nothing is resampled or mixed here; a piece keeps the container's own rate, channels and nearest sample format. Time is
kept by the frames' timestamps, so that a corrupt stretch shows as a jump of `position`, not as time that went missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import BadChunk
from models.stretches import stretches

log = logging.getLogger(__name__)

_SAMPLE_FORMATS = {
    "u8": SampleFormat.U8,
    "s16": SampleFormat.S16LE,
    "s32": SampleFormat.S32LE,
    "flt": SampleFormat.F32LE,
    "dbl": SampleFormat.F32LE,
}
# FFmpeg's samples (in the machine's byte order), and what they become.
_DTYPES: dict[str, tuple[np.dtype[Any], np.dtype[Any]]] = {
    "u8": (np.dtype("u1"), np.dtype("u1")),
    "s16": (np.dtype("=i2"), np.dtype("<i2")),
    "s32": (np.dtype("=i4"), np.dtype("<i4")),
    "flt": (np.dtype("=f4"), np.dtype("<f4")),
    "dbl": (np.dtype("=f8"), np.dtype("<f4")),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive frames; `position` counts from the first decoded one, and from 0 again when `format` changes."""

    position: int
    format: AudioFormat
    audio: bytes

    @property
    def frames(self) -> int:
        """Frames in `audio`."""
        return len(self.audio) // self.format.frame_bytes


class Decoder:
    """Reads the first audio stream of `container`; `name` stands for it in messages. Not thread-safe.

    `chunk_s` is the length of a piece in seconds; the last piece, and one before a hole, are shorter. Raises BadChunk
    when there is no audio stream. `duration_s` is the container's own word on its length in seconds (some estimate it;
    None for a live stream). After `pieces()`, `stopped_by` says why reading ended before the container did.
    """

    def __init__(self, container: InputContainer, name: str, chunk_s: float = 4.0) -> None:
        if not container.streams.audio:
            raise BadChunk("no_audio_stream", f"{name} has no audio stream")
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._name = name
        self._chunk_s = chunk_s
        self.duration_s = _duration_s(container)
        self.skipped_packets = 0
        self.stopped_by: av.FFmpegError | None = None
        for stream in container.streams:
            if stream is not self._stream:
                stream.discard = Discard.all

    def pieces(self) -> Iterator[Piece]:
        """The audio up to the end. Raises BadChunk for a rate, channel count or sample format out of bounds."""
        time_base = Fraction(self._stream.time_base or 1)
        begin = partial(_audio_format, name=self._name)
        for audio_format, start, held in stretches(self._frames(), time_base, self._chunk_s, _shape, begin):
            piece = Piece(start, audio_format, interleaved(held))
            del held  # or these frames would be there while the next are collected
            yield piece

    def _frames(self) -> Iterator[AudioFrame]:
        """Decoded frames; packets that cannot be decoded are skipped, a container that cannot be read on ends."""
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.FFmpegError as error:
                    self._skip(error)
        except av.FFmpegError as error:
            self.stopped_by = error

    def _skip(self, error: av.FFmpegError) -> None:
        self.skipped_packets += 1
        if self.skipped_packets == 1:
            log.warning("%s: a corrupt packet was skipped (%s); more are only counted", self._name, error.strerror)


def interleaved(frames: list[AudioFrame]) -> bytes:
    """The samples of `frames` (all of one format) as interleaved little-endian PCM; doubles become 32-bit floats."""
    kind = frames[0].format
    dtype, target = _DTYPES[kind.name.removesuffix("p")]
    channels = frames[0].layout.nb_channels
    if kind.is_packed and dtype == target:
        return b"".join(memoryview(frame.planes[0])[: frame.samples * channels * kind.bytes] for frame in frames)
    samples = np.empty((sum(frame.samples for frame in frames), channels), target)
    end = 0
    for frame in frames:  # straight from FFmpeg's planes to their place: no other copy
        start, end = end, end + frame.samples
        if kind.is_packed:
            packed = np.frombuffer(memoryview(frame.planes[0]), dtype, frame.samples * channels)
            samples[start:end] = packed.reshape(-1, channels)
        else:
            for channel, plane in enumerate(frame.planes):
                samples[start:end, channel] = np.frombuffer(memoryview(plane), dtype, frame.samples)
    return samples.tobytes()


def open_container(file: object, name: str, protocols: str = "none") -> InputContainer:
    """Open a path or a binary file object. Raises BadChunk when FFmpeg finds no container in it.

    `protocols` are those that a playlist inside may lead FFmpeg to (a text file must not make it fetch addresses). The
    operating system's errors (missing file, no permission) pass through.
    """
    try:
        return av.open(file, "r", metadata_errors="replace", options={"protocol_whitelist": protocols})
    except (av.InvalidDataError, av.EOFError) as error:
        raise BadChunk("not_audio", f"{name} is not audio that FFmpeg can read ({error.strerror})") from error


def _duration_s(container: InputContainer) -> float | None:
    duration = container.duration
    return duration / 1_000_000 if duration is not None and duration > 0 else None


def _shape(frame: AudioFrame) -> tuple[int, str, int]:
    return frame.sample_rate, frame.format.name, frame.layout.nb_channels


def _audio_format(frame: AudioFrame, name: str) -> AudioFormat:
    sample_rate_hz, kind, channels = _shape(frame)
    found = _SAMPLE_FORMATS.get(kind.removesuffix("p"))
    if found is None:
        raise BadChunk("sample_format", f"{name}: samples of FFmpeg's kind {kind} are not supported")
    try:
        return AudioFormat(found, sample_rate_hz, channels)
    except ValueError as error:
        raise BadChunk("audio_format", f"{name}: {error}") from error

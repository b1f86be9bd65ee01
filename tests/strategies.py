"""Hypothesis strategies and helpers about streams, shared by the property tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cuts import Cut, Loss, Missing, Window
from daemon.grid import Grid
from daemon.messages import AudioChunk
from daemon.windows import Windower

EPOCH = "2026-11-20T18:00:00.000Z"
FORMAT = AudioFormat(SampleFormat.S16LE, 8000, 1)
# A small grid whose numbers are easy to think in; margins on both sides, neither a divisor of the hop.
GRID = Grid(sample_rate_hz=8000, hop_frames=50, blocks_per_window=2, left_frames=7, right_frames=3, max_fill_frames=5)


def ramp(frames: int) -> bytes:
    """16-bit mono audio whose content is its own position (modulo 30000, plus one: never silence)."""
    return (np.arange(frames) % 30000 + 1).astype("<i2").tobytes()


def chunk_of(audio: bytes, start: int, stop: int, position_offset: int = 0, fmt: AudioFormat = FORMAT) -> AudioChunk:
    """Frames [start, stop) of a recording as a chunk at their true position."""
    size = fmt.frame_bytes
    return AudioChunk(
        stream="s",
        epoch=EPOCH,
        position=start + position_offset,
        format=fmt,
        audio=audio[start * size : stop * size],
        captured_at_s=1000.0 + (start + position_offset) / fmt.sample_rate_hz,
    )


def chunks_at(audio: bytes, cuts: Iterable[int], fmt: AudioFormat = FORMAT) -> list[AudioChunk]:
    """A recording cut at `cuts` (any order, duplicates allowed)."""
    frames = len(audio) // fmt.frame_bytes
    borders = sorted({0, frames, *(cut for cut in cuts if 0 < cut < frames)})
    return [chunk_of(audio, a, b, fmt=fmt) for a, b in itertools.pairwise(borders)]


def cut_all(chunks: Sequence[AudioChunk], grid: Grid = GRID, first_window: int = 0) -> list[Cut]:
    """Everything a windower says of a run."""
    windower = Windower("s", EPOCH, chunks[0].format, grid, first_window)
    said: list[Cut] = []
    for chunk in chunks:
        said += windower.push(chunk)
    return said + windower.flush()


def windows_in(said: Sequence[Cut]) -> list[Window]:
    """The windows of it."""
    return [cut for cut in said if isinstance(cut, Window)]


def identity(window: Window) -> tuple[object, ...]:
    """All that a window's result depends on."""
    return (
        window.stream,
        window.epoch,
        window.index,
        window.fresh_frames,
        window.gap_frames,
        round(window.end_at_s, 6),
        tuple((block.index, block.audio) for block in window.blocks),
    )


def received_frames(said: Sequence[Cut]) -> int:
    """Received frames that the cuts account for."""
    return sum(c.fresh_frames if isinstance(c, Window) else c.frames for c in said if not isinstance(c, Missing))


def lost(said: Sequence[Cut]) -> dict[str, int]:
    """Lost frames by reason."""
    totals: dict[str, int] = {}
    for cut in said:
        if isinstance(cut, Loss):
            totals[cut.reason.value] = totals.get(cut.reason.value, 0) + cut.frames
    return totals

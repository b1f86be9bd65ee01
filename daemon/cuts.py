"""What audio is cut into: windows, and what was lost or never came. A leaf of the windower."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from daemon.audio_format import AudioFormat
from daemon.grid import Grid
from daemon.record_map import Origin


class LossReason(StrEnum):
    """Why received frames will be in no window (of this process)."""

    GAP = "gap"  # whole themselves, but in or between blocks that lack too much
    DUPLICATE = "duplicate"  # a position that had been heard before
    LEAD_IN = "lead_in"  # before the first whole block of a stream joined in its middle
    REPLAYED = "replayed"  # read again to rebuild a window's past; counted by whoever heard it first
    TAIL = "tail"  # the end of a stream, too short for a window


@dataclass(frozen=True, slots=True)
class Loss:
    """`frames` received frames that no window will hold."""

    reason: LossReason
    frames: int


@dataclass(frozen=True, slots=True)
class Missing:
    """`frames` frames that never came; `filled` with silence when few enough for their block to be used."""

    frames: int
    filled: bool


@dataclass(slots=True, eq=False)
class HopBlock:
    """One hop of audio with its margins; shared by the windows that cover it.

    `audio` holds source frames [index * hop - left, (index + 1) * hop + right) of the grid. The engine fills `features`
    and `mean_square` once, for the first window, and then lets `audio` go. `carries`: a model's sha256 -> what the
    block's first window handed on to its second.
    """

    index: int
    audio: bytes | None
    features: Any = None
    mean_square: float = 0.0
    carries: Any = None
    filling: threading.Lock = field(default_factory=threading.Lock, repr=False)  # held by the worker that fills it


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Window `index` of a stream's run: whole, but for up to the fill tolerance in each block."""

    stream: str
    epoch: str
    index: int
    grid: Grid
    format: AudioFormat
    blocks: tuple[HopBlock, ...]
    fresh_frames: int  # received frames that no earlier window covered
    gap_frames: int  # frames missing since the previous window's end, filled ones included
    end_at_s: float  # wall time of its end, Unix seconds
    title: str | None = None
    origin: Origin | None = None  # when its chunks came from a log

    @property
    def start_s(self) -> float:
        """Seconds from the epoch to the window's start."""
        return self.index * self.grid.hop_frames / self.grid.sample_rate_hz

    @property
    def end_s(self) -> float:
        """Seconds from the epoch to the window's end."""
        return (self.index + self.grid.blocks_per_window) * self.grid.hop_frames / self.grid.sample_rate_hz

    @property
    def fresh_s(self) -> float:
        """Received seconds that no earlier window covered."""
        return self.format.seconds(self.fresh_frames)

    @property
    def gap_s(self) -> float:
        """Seconds missing since the previous window's end."""
        return self.format.seconds(self.gap_frames)


Cut = Window | Loss | Missing

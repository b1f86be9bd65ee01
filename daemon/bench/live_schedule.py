"""When the chunks of many live streams are due, and which windows they complete. Pure.

Streams stand at random places of their hop, so that windows end at random times; and their clocks run a little fast or
slow, so that over a run they meet one another in many ways, as real ones do. At time 0 each has been heard for a window
and a part of a hop: what a stream's first window costs more is paid before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from daemon.grid import Grid

DRIFT = 0.03  # a clock is up to so much fast or slow


@dataclass(frozen=True, slots=True)
class Due:
    """A stream's chunk, to be handed in at `due_s`."""

    due_s: float
    stream: int
    number: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A window, when its last needed chunk is due, and when the last frame that it covers was captured."""

    stream: int
    window: int
    due_s: float
    end_s: float


class Schedule:
    """Chunks of `streams` streams for `seconds`, in `chunk_s` each."""

    def __init__(self, grid: Grid, streams: int, seconds: float, chunk_s: float, seed: int = 2026) -> None:
        rng = np.random.default_rng(seed)
        self.grid, self.streams, self.seconds, self.chunk_s = grid, streams, seconds, chunk_s
        self.chunk_frames = round(chunk_s * grid.sample_rate_hz)
        # so that window 0 is complete beforehand and window 1 is not
        places = rng.integers(grid.right_frames, grid.hop_frames + grid.right_frames, streams)
        self._heard = [grid.blocks_per_window * grid.hop_frames + int(place) for place in places]
        self._turns_s = rng.uniform(0, chunk_s, streams)
        self._paces = rng.uniform(1 - DRIFT, 1 + DRIFT, streams)

    def heard_frames(self, stream: int) -> int:
        """Frames of a stream that were heard before time 0."""
        return self._heard[stream]

    def due_s(self, stream: int, number: int) -> float:
        """When chunk `number` of a stream is due; its last frame was captured just then."""
        return float((self._turns_s[stream] + number * self.chunk_s) * self._paces[stream])

    def chunk_wall_s(self, stream: int) -> float:
        """Seconds from the first frame of a chunk to its end, by the wall clock."""
        return float(self.chunk_s * self._paces[stream])

    def chunks(self) -> Iterator[Due]:
        """All chunks, by time; in order before the first is asked for, and small until then: memory is measured."""
        counts = [self._count(stream) for stream in range(self.streams)]
        streams = np.repeat(np.arange(self.streams, dtype=np.int32), counts)
        numbers = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
        due_s = (self._turns_s[streams] + numbers * self.chunk_s) * self._paces[streams]
        return (
            Due(float(due_s[place]), int(streams[place]), int(numbers[place]))
            for place in np.argsort(due_s, kind="stable")
        )

    def completed(self) -> list[Completed]:
        """All windows that the chunks complete, by time."""
        grid, found = self.grid, []
        for stream in range(self.streams):
            chunks, window = self._count(stream), 1
            while True:
                end = (window + grid.blocks_per_window) * grid.hop_frames - self._heard[stream]
                number = -(-(end + grid.right_frames) // self.chunk_frames) - 1
                if number >= chunks:
                    break
                due_s = self.due_s(stream, number)
                captured_s = (self._turns_s[stream] + end / grid.sample_rate_hz - self.chunk_s) * self._paces[stream]
                found.append(Completed(stream, window, due_s, float(captured_s)))
                window += 1
        return sorted(found, key=lambda window: window.due_s)

    def _count(self, stream: int) -> int:
        """Chunks of a stream that are due within the time."""
        number = int(self.seconds / self.chunk_wall_s(stream)) + 1
        while number and self.due_s(stream, number - 1) >= self.seconds:
            number -= 1
        return number

"""Timestamps of decoded audio -> positions on the stream's own time line. Pure."""

from __future__ import annotations

TOLERANCE_S = 0.010  # containers round timestamps (Matroska: to 1 ms); the shortest lost frame worth saying is longer
DUPLICATE_S = 2.0  # a step back of up to this is audio sent twice; a longer one is a clock that was set anew
MAX_HOLE_S = 600.0  # a longer step ahead is a broken timestamp, not missing audio


class Timeline:
    """Counts frames from 0; a timestamp ahead of the count leaves a hole, one behind it never moves the count back."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.next = 0  # the position after everything placed so far
        self._origin: int | None = None  # timestamp of position 0
        self._tolerance = int(TOLERANCE_S * sample_rate_hz)
        self._duplicate = int(DUPLICATE_S * sample_rate_hz)
        self._max_hole = int(MAX_HOLE_S * sample_rate_hz)

    def place(self, timestamp: int | None, frames: int) -> int | None:
        """Position of `frames` frames stamped `timestamp` (in frames; None: they follow); None for a duplicate."""
        if timestamp is not None:
            if self._origin is None:
                self._origin = timestamp - self.next
            step = timestamp - self._origin - self.next
            if self._tolerance < step <= self._max_hole:
                self.next += step
            elif -self._duplicate <= step < -self._tolerance:
                return None
            elif abs(step) > self._tolerance:
                self._origin += step
        position = self.next
        self.next += frames
        return position

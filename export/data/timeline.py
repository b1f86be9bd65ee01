"""Timestamps of decoded audio -> positions in the file. Pure; the twin of the daemon's (daemon/sources/timeline.py)."""

from typing import Final

_TOLERANCE_S: Final = 0.010  # timestamps are rounded (Matroska: to 1 ms)
_DUPLICATE_S: Final = 2.0  # a step back of up to this is audio sent twice
_MAX_HOLE_S: Final = 600.0  # a longer step ahead is a broken timestamp, not missing audio


class Timeline:
    """Counts frames from 0; a timestamp ahead leaves a hole, one behind never moves the count back."""

    def __init__(self, rate_hz: int) -> None:
        self.next = 0
        self._origin: int | None = None  # timestamp of position 0
        self._tolerance = int(_TOLERANCE_S * rate_hz)
        self._duplicate = int(_DUPLICATE_S * rate_hz)
        self._max_hole = int(_MAX_HOLE_S * rate_hz)

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

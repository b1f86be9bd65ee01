"""Which record of a log holds which frames of a run. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The log records that a window was made from.

    From `first_offset` on the window can be made again; `last_offset` completed it and begins at `last_position`.
    """

    first_offset: int
    last_offset: int
    last_position: int


class RecordMap:
    """First frames and offsets of a run's records, oldest first, as far back as they are needed."""

    def __init__(self) -> None:
        self._records: deque[tuple[int, int]] = deque()  # first frame, offset

    def __len__(self) -> int:
        return len(self._records)

    def add(self, position: int, offset: int) -> None:
        """The record at `offset` begins at frame `position`; records come in order."""
        self._records.append((position, offset))

    def forget_before(self, frame: int) -> None:
        """Let go of the records that end before `frame`."""
        while len(self._records) > 1 and self._records[1][0] <= frame:
            self._records.popleft()

    def offset_at(self, frame: int) -> int | None:
        """The record that holds `frame`: the last that begins at or before it, else the oldest known."""
        found = None
        for position, offset in self._records:
            if found is not None and position > frame:
                break
            found = offset
        return found

    def origin(self, first_frame: int) -> Origin | None:
        """The records from the one that holds `first_frame` to the newest; None when the run is from no log."""
        first = self.offset_at(first_frame)
        if first is None:
            return None
        position, offset = self._records[-1]
        return Origin(first, offset, position)

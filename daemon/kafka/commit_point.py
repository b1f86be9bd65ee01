"""What of a partition may be committed, and the bookmark that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.kafka.bookmark import Bookmark
from daemon.kafka.open_runs import OpenRun, Published
from daemon.kafka.rebuild import bookmark, forget_older
from daemon.kafka.watermark import Ticket, Watermark


@dataclass(frozen=True, slots=True, eq=False)
class Closing:
    """A run that was closed at record `offset`, kept until that is committed."""

    offset: int
    run: OpenRun
    idle: bool


class CommitPoint:
    """Keeps the tickets of one partition, and what its next owner would need."""

    def __init__(self, committed: int, log_end: int, closed_before: int, horizon_s: float) -> None:
        """`log_end`: the end of the windows topic's partition; `horizon_s`: how far back aggregates look, seconds."""
        self.watermark = Watermark(committed)
        self.committed = committed
        self._log_end, self._closed_before, self._horizon_s = log_end, closed_before, horizon_s
        self._closing: list[Closing] = []

    @property
    def next_offset(self) -> int:
        """The first record that was not read yet."""
        return self.watermark.next_offset

    @property
    def committable(self) -> int:
        """The next record to process, for whoever starts from what is done."""
        return self.watermark.committable

    def close(self, run: OpenRun, offset: int, idle: bool) -> None:
        """`run` ended at record `offset`; `idle`: by the clock, not by a record."""
        self._closing.append(Closing(offset, run, idle))

    def logged(self, ticket: Ticket, end_s: float, log_offset: int) -> None:
        """The ticket's window, which ends at `end_s`, stands at `log_offset` (negative: the broker would not say)."""
        if not ticket.known and log_offset >= 0:
            ticket.log_offset = log_offset
            self._log_end = max(self._log_end, log_offset + 1)
        if ticket.run is not None and ticket.log_offset is not None:
            ticket.run.published.append(Published(ticket.offset, end_s, ticket.log_offset))

    def bookmark(self, committed: int, open_runs: Iterable[OpenRun]) -> Bookmark:
        """What goes with a commit of `committed`."""
        closed = [closing.run for closing in self._closing if closing.offset >= committed]
        gone = [closing.run.last_offset + 1 for closing in self._closing if closing.idle and closing.offset < committed]
        self._closed_before = max([self._closed_before, *gone])
        runs = [*open_runs, *closed]
        return bookmark(committed, self.watermark, runs, self._horizon_s, self._log_end, self._closed_before)

    def has_committed(self, committed: int, open_runs: Iterable[OpenRun]) -> None:
        """The group knows that all below `committed` is done."""
        self.committed = committed
        self.watermark.committed(committed)
        self._closing = [closing for closing in self._closing if closing.offset >= committed]
        for run in open_runs:
            forget_older(run.published, committed, self._horizon_s)

"""What of a partition may be committed, and the bookmark that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.kafka.bookmark import MAX_CLOSINGS, Bookmark, Closing
from daemon.kafka.open_runs import Begun, Event, OpenRun, Published, fingerprint
from daemon.kafka.rebuild import audio_from, begun, first_of_horizon, forget_older
from daemon.kafka.resume import LoggedWindow, Plan, WindowKey
from daemon.kafka.watermark import Ticket, Watermark


@dataclass(frozen=True, slots=True, eq=False)
class Closed:
    """A run that was closed at record `offset`, kept until that is committed."""

    offset: int
    run: OpenRun
    idle: bool  # by the clock, not by a record
    needed_offset: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """Whatever comes of a stream that was closed is `behind` that; its windows lie before `log_end`."""

    behind: Begun
    log_end: int


class CommitPoint:
    """Keeps the tickets of one partition, and what its next owner would need."""

    def __init__(self, plan: Plan, horizon_s: float) -> None:
        """`horizon_s`: how far back aggregates look, seconds."""
        self.watermark = Watermark(plan.committed)
        self.committed = plan.committed
        self._log_end, self._horizon_s = plan.log_end, horizon_s
        self._closings = list(plan.bookmark.closings)
        self._over = {stream: Over(run, plan.log_end) for stream, run in plan.bookmark.runs.items() if not run.replaced}
        self._closed: list[Closed] = []
        self._known: dict[WindowKey, LoggedWindow] = {}

    @property
    def next_offset(self) -> int:
        """The first record that was not read yet."""
        return self.watermark.next_offset

    @property
    def committable(self) -> int:
        """The next record to process, for whoever starts from what is done."""
        return self.watermark.committable

    def expect(self, known: dict[WindowKey, LoggedWindow]) -> None:
        """Windows that are out although not committed; who gives one a ticket takes it from `known`."""
        self._known = known

    def close(self, event: Event, offset: int, idle: bool) -> Ticket:
        """A ticket for the end of a run at record `offset`; `idle`: by the clock, not by a record."""
        self._closed.append(Closed(offset, event.run, idle, event.needed_offset))
        return self.watermark.issue(Ticket(offset, event.run, event.needed_offset))

    def logged(self, ticket: Ticket, end_s: float, log_offset: int) -> None:
        """The ticket's window, which ends at `end_s`, stands at `log_offset` (negative: the broker would not say)."""
        if not ticket.known and log_offset >= 0:
            ticket.log_offset = log_offset
            self._log_end = max(self._log_end, log_offset + 1)
        if ticket.run is not None and ticket.log_offset is not None and ticket.first_offset is not None:
            ticket.run.remember(Published(ticket.offset, end_s, ticket.log_offset, ticket.first_offset))

    def bookmark(self, committed: int, open_runs: Iterable[OpenRun]) -> Bookmark:
        """What goes with a commit of `committed`: where to read from to be as this owner was before that record."""
        self._settle(committed)
        before: dict[OpenRun, int | None] = {closed.run: closed.needed_offset for closed in self._closed}
        for run in open_runs:
            before[run] = run.windower.needed_offset
        audio, windows = committed, self._log_end
        went_on: set[OpenRun] = set()  # at `committed` or later: what they needed before
        for ticket in self.watermark.from_offset(committed):
            windows = windows if ticket.log_offset is None else min(windows, ticket.log_offset)
            if ticket.run is not None and ticket.run not in went_on:
                went_on.add(ticket.run)
                before[ticket.run] = ticket.needed_offset
        windows = min([windows, *(logged.log_offset for logged in self._known.values())])
        for run, needed_offset in before.items():
            if needed_offset is not None:
                audio = min(audio, audio_from(run, needed_offset, committed))
            first = first_of_horizon(run.published, committed, self._horizon_s)
            if first is not None:
                windows = min(windows, first.log_offset)
        closings = tuple(closing for closing in self._closings if closing.after >= audio)
        for stream, over in list(self._over.items()):
            if over.behind.first_offset <= audio and over.log_end <= windows:
                del self._over[stream]
        runs = {stream: over.behind for stream, over in self._over.items()}
        return Bookmark(audio, windows, closings, {**runs, **begun(before, committed)})

    def has_committed(self, committed: int, open_runs: Iterable[OpenRun]) -> None:
        """The group knows that all below `committed` is done."""
        self.committed = committed
        self.watermark.committed(committed)
        open_keys = set()
        for run in open_runs:
            forget_older(run.published, committed, self._horizon_s)
            open_keys.add(run.key)
        for key, logged in list(self._known.items()):
            if logged.completed_by < committed and key[:2] not in open_keys:
                del self._known[key]  # its run was left out

    def _settle(self, committed: int) -> None:
        """Let go of the runs that nobody who starts from `committed` will find open."""
        waiting = self.watermark.waiting
        left = []
        for closed in self._closed:
            if closed.offset >= committed or closed.run in waiting:
                left.append(closed)
                continue
            if closed.idle:
                self._note(Closing(closed.offset, closed.run.last_offset + 1))
            stream, published = fingerprint(closed.run.windower.stream), closed.run.published
            log_end = max((window.log_offset + 1 for window in published), default=0)
            self._over.pop(stream, None)  # the newest last
            self._over[stream] = Over(Begun(closed.offset + 1, None), log_end)
        self._closed = left

    def _note(self, closing: Closing) -> None:
        if self._closings and self._closings[-1].after == closing.after:
            closing = Closing(closing.after, max(closing.before, self._closings.pop().before))
        self._closings = [*self._closings[1 - MAX_CLOSINGS :], closing]

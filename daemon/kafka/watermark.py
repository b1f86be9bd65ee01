"""What of a partition may be committed: everything below the oldest record whose results are not out yet. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.kafka.open_runs import OpenRun


@dataclass(slots=True, eq=False)
class Ticket:
    """One thing that a record completed: a window, the end of a stream, a dead letter.

    `needed_offset` is the input record that the run's state before that record goes back to; `first_offset` is where
    its window begins, `log_offset` where that was written.
    """

    offset: int
    run: OpenRun | None = None
    needed_offset: int | None = None
    first_offset: int | None = None
    log_offset: int | None = None
    done: bool = False
    known: bool = False  # its window had been published before
    forget: bool = False  # a tombstone follows the stream's last word


class Watermark:
    """The low watermark of a partition, `next_offset` being the first record that was not read yet."""

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        self._committed = next_offset
        self._tickets: deque[Ticket] = deque()

    def read(self, offset: int) -> None:
        """The record at `offset` is about to be worked on."""
        self.next_offset = offset + 1

    def issue(self, ticket: Ticket) -> Ticket:
        """`ticket.offset` completed something; offsets never go back."""
        assert not self._tickets or self._tickets[-1].offset <= ticket.offset
        self._tickets.append(ticket)
        return ticket

    @property
    def committable(self) -> int:
        """The next record to process, for whoever starts from what is done. Never goes back, not even for streams that
        are closed behind a record that was committed.
        """
        first = next((ticket.offset for ticket in self._tickets if not ticket.done), self.next_offset)
        return max(first, self._committed)

    def committed(self, offset: int) -> None:
        """Nobody will start below `offset` again."""
        self._committed = max(self._committed, offset)
        while self._tickets and self._tickets[0].offset < offset and self._tickets[0].done:
            self._tickets.popleft()

    def from_offset(self, offset: int) -> Iterator[Ticket]:
        """Tickets of records at `offset` and after it, done or not, in order."""
        return (ticket for ticket in self._tickets if ticket.offset >= offset)

    @property
    def waiting(self) -> set[OpenRun]:
        """Runs of which something is not done."""
        return {ticket.run for ticket in self._tickets if ticket.run is not None and not ticket.done}

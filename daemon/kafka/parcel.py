"""What a partition hands to the writer of its results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from daemon.kafka.output_record import OutputRecord, OutputTopics
from daemon.kafka.watermark import Ticket
from daemon.scoring import ScoredWindow
from daemon.tagging import LogPartition


@dataclass(slots=True, eq=False)
class Parcel:
    """Records that go out together for one ticket; that of a window, if any, comes first."""

    ticket: Ticket
    records: list[OutputRecord]
    scored: ScoredWindow | None = None


class Sender(Protocol):
    """Whose parcels they are, as the writer sees it: hears what became of them, in this order."""

    log: LogPartition

    def logged(self, parcel: Parcel, first_offset: int) -> None:
        """The parcel's first record stands in its topic at `first_offset` (negative: the broker would not say)."""
        ...

    def done(self, parcel: Parcel) -> None:
        """Nothing is left to do for the parcel's record but to commit it."""
        ...

    def settled(self, parcel: Parcel) -> None:
        """The broker has the parcel for good."""
        ...

    def give_up(self, parcel: Parcel) -> None:
        """The parcel is the next owner's to publish."""
        ...


class Writer(Protocol):
    """Carries parcels to the broker and says `settled` once they are there for good."""

    async def write(self, sender: Sender, parcel: Parcel) -> None:
        """Send a parcel, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What all partitions of a source have in common. Times in seconds."""

    topics: OutputTopics
    idle_s: float
    horizon_s: float

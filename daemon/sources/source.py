"""What the pipeline asks of a source."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.status import SourceStatus

if TYPE_CHECKING:
    from daemon.pipeline import Pipeline


class Source(Protocol):
    """Yields the audio of one or more streams, each stream's chunks in order.

    When `chunks()` ends, every stream of the source has ended. It raises a GenredError when the source cannot go on.
    Trouble that passes (a stall, a lost connection, an unplugged device) is kept inside, shown in `status`, and
    retried.
    Closing the iterator frees whatever the source holds.
    """

    status: SourceStatus
    live: bool  # cannot wait: never blocks, and may never end

    def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """The source's audio from now on; called once."""
        ...


@runtime_checkable
class Feeder(Protocol):
    """A source that keeps its streams, and publishes their results, itself."""

    status: SourceStatus
    live: bool

    async def feed_into(self, pipeline: Pipeline) -> None:
        """Use the pipeline's engine until cancelled; then finish what is in flight. Raises a GenredError."""
        ...

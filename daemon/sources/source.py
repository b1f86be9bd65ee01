"""What the pipeline asks of a source."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.status import SourceStatus


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

"""A radio, an HLS or RTSP stream, or a file over HTTP: listened to, and opened again for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, closing

from daemon.errors import BadChunk, UrlUnreachable
from daemon.messages import AudioChunk, StreamEnd, rfc3339
from daemon.sources.address import parse_address
from daemon.sources.connection import Connection, Connector
from daemon.sources.decode import Piece
from daemon.sources.handover import Handover, ReaderGoneError
from daemon.sources.http_client import HttpClient, Interrupt, UrlFaultError
from daemon.sources.live_buffer import LiveBuffer
from daemon.sources.reading import Outlet, Run, chunks_of_thread
from daemon.sources.status import SourceState, SourceStatus

log = logging.getLogger(__name__)

AHEAD_S = 8.0  # seconds of a finite file that wait to be asked for
HEALTHY_S = 5.0  # a connection that gave audio for so long forgets the failures before it
RETRY_S = (0.5, 30.0)


class UrlSource:
    """The `Source` of one URL (http, https, rtsp, ...).

    A live stream never waits: more than `buffer_s` seconds unread, and the oldest go to `on_drop`. When it breaks,
    stalls (no bytes for `stall_timeout_s`) or cannot be opened, `status` says why and it is tried again, after
    `retry_s` (first and longest wait in seconds; doubling, with jitter). It goes on in the same epoch, with `position`
    ahead by the time without bytes; another format begins a new epoch. A finite file waits for its reader, goes on at
    the byte where its connection broke, and ends.

    InputUnusable on construction for a URL that cannot be a source; with `required`, `chunks()` raises UrlUnreachable
    when the first connection gives no audio. The URL's user, password and query are never shown.
    """

    def __init__(
        self,
        url: str,
        stream: str,
        on_drop: Callable[[AudioChunk], None],
        required: bool = False,
        connect_timeout_s: float = 5.0,
        stall_timeout_s: float = 3.0,
        buffer_s: float = 30.0,
        retry_s: tuple[float, float] = RETRY_S,
        epoch: str | None = None,
    ) -> None:
        self.status = SourceStatus(name=stream, kind="url")
        self.live = True  # most are; a finite file keeps no other source waiting either
        self.duration_s: float | None = None  # of a finite file, once it is open
        self._address = parse_address(url)
        self._stream, self._on_drop, self._required, self._buffer_s = stream, on_drop, required, buffer_s
        self._retry_s, self._first_epoch = retry_s, epoch
        self._interrupt = Interrupt()
        self._client = HttpClient(connect_timeout_s, stall_timeout_s, self._interrupt)
        self._run: Run | None = None
        self._silent_since = 0.0  # the last connection's last byte, by the monotonic clock
        self._failures = 0

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """The stream's audio from now on. Raises UrlUnreachable (see the class)."""
        live, finite = LiveBuffer(self._buffer_s, self._dropped), Handover(AHEAD_S)
        outlet = _EitherOutlet(live, finite)

        def interrupt() -> None:
            self._interrupt.fire()
            finite.stop()

        def read(_stop: threading.Event) -> None:
            self._read(outlet)

        async with aclosing(chunks_of_thread(read, outlet, self.status, interrupt)) as items:
            async for item in items:
                yield item

    def _read(self, outlet: _EitherOutlet) -> None:
        """The thread: connect and listen, again and again; returns at a finite file's end."""
        connector = Connector(self._address, self._client, self._recover)
        while True:
            try:
                with closing(connector.connect()) as connection:
                    if self._listen(connection, outlet) and connection.feed.fault is None:
                        return
                    raise connection.why_it_ended(self._client.stall_timeout_s)
            except UrlFaultError as fault:
                self._recover(fault)
            except BadChunk as error:
                self._recover(UrlFaultError(str(error)))

    def _listen(self, connection: Connection, outlet: _EitherOutlet) -> bool:
        """Put the connection's audio into `outlet`; whether the end of a finite file was reached."""
        outlet.choose(connection.live)
        self.duration_s = None if connection.live else connection.decoder.duration_s
        first: float | None = None
        try:
            for piece in connection.decoder.pieces():
                chunk = self._chunk(piece, connection, spliced=first is None)
                self.status.heard()
                outlet.put(chunk)
                connection.feed.decoded_at = now = time.monotonic()
                first = now if first is None else first
                if now - first > HEALTHY_S or not connection.live:
                    self._failures = 0
        finally:
            if first is not None:
                self._silent_since = connection.feed.last_byte_at
        return first is not None and not connection.live

    def _chunk(self, piece: Piece, connection: Connection, spliced: bool) -> AudioChunk:
        """`piece` on the run; the first of a connection is `spliced` to the time line after the outage."""
        run = self._run
        if run is None or run.format != piece.format:
            run = self._run = Run(self._stream, self._new_epoch(run), piece.format)
        elif spliced:
            outage_s = max(0.0, connection.feed.first_byte_at - self._silent_since)
            run.base = run.end + round(outage_s * piece.format.sample_rate_hz)
        began_s = piece.format.seconds(piece.frames) if connection.live else 0.0
        return run.chunk(piece, time.time() - began_s, connection.feed.title)

    def _new_epoch(self, before: Run | None) -> str:
        if before is None and self._first_epoch is not None:
            return self._first_epoch
        epoch = rfc3339(time.time())
        return epoch if before is None or epoch != before.epoch else epoch + "+2"

    def _recover(self, fault: UrlFaultError) -> None:
        """Say what happened and wait for the next try. Raises UrlUnreachable, ReaderGoneError."""
        self._interrupt.check()
        if self._required and self._run is None:
            raise UrlUnreachable(f"{self._address.shown} cannot be listened to: {fault}")
        self.status.change(SourceState.STALLED if fault.stalled else SourceState.RETRYING, str(fault))
        shortest_s, longest_s = self._retry_s
        wait_s = min(longest_s, shortest_s * 2.0 ** min(self._failures, 20)) * random.uniform(0.75, 1.0)
        self._failures += 1
        if self._interrupt.fired.wait(wait_s):
            raise ReaderGoneError
        if fault.stalled:
            self.status.change(SourceState.RETRYING, str(fault))

    def _dropped(self, chunk: AudioChunk) -> None:
        self.status.dropped_s += chunk.seconds
        self._on_drop(chunk)


class _EitherOutlet:
    """A LiveBuffer or a Handover: which one is known once the URL is open. Made on the event loop."""

    def __init__(self, live: LiveBuffer, finite: Handover) -> None:
        self._live, self._finite = live, finite
        self._chosen: Outlet = live
        self._decided = False
        self._known = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def choose(self, live: bool) -> None:
        """What the first connection turned out to be; later ones are no different."""
        if not self._decided:
            self._decided = True
            self._chosen = self._live if live else self._finite
            self._say_known()

    def put(self, chunk: AudioChunk) -> None:
        """Add a chunk. Raises ReaderGoneError (finite only)."""
        self._chosen.put(chunk)

    def close(self, failure: BaseException | None = None) -> None:
        """No more chunks."""
        self._chosen.close(failure)
        self._say_known()

    async def get(self) -> AudioChunk | None:
        """The next chunk, as from the outlet that was chosen."""
        await self._known.wait()
        return await self._chosen.get()

    def _say_known(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._known.set)
        except RuntimeError:  # the loop has closed: nobody waits
            self._finite.stop()

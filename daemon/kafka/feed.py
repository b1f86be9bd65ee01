"""Audio of sources -> records of the input topic, each stream's in order, each run with its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from daemon.errors import GenredError
from daemon.kafka.chopper import Chopper
from daemon.kafka.input_record import CONTENT_TYPE, END, EPOCH, POSITION, TITLE
from daemon.kafka.outbox import Headers, Outbox
from daemon.kafka.packing import pack
from daemon.messages import AudioChunk, StreamEnd
from daemon.sinks.console import printable
from daemon.sources.source import Source

FINITE_SOURCES_AT_ONCE = 4
MAX_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class FeedRules:
    """How audio becomes records: chunks of `chunk_s` seconds, `copies` streams of each, all in the run `epoch`."""

    chunk_s: float
    encoding: str
    copies: int
    epoch: str


@dataclass(slots=True)
class Run:
    """One run of a source's stream, and the keys that it is sent under."""

    keys: list[bytes]
    epoch: bytes
    source_epoch: str
    chopper: Chopper
    position: int = 0


@dataclass(slots=True)
class Feed:
    """Reads sources to their ends, or until `stop` is set, and sends what they give; every run that began is ended."""

    outbox: Outbox
    rules: FeedRules
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    audio_s: float = 0.0  # seconds of audio handed over, all streams together
    failures: list[GenredError] = field(default_factory=list)
    _runs: dict[str, Run] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)

    async def run(self, sources: Sequence[Source]) -> None:
        """Feed every source, then wait until all is acknowledged. Sources that fail are kept in `failures`."""
        room = asyncio.Semaphore(FINITE_SOURCES_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                for source in sources:
                    group.create_task(self._feed(source, room), name=f"feed {source.status.name}")
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        await self.outbox.flush()

    async def _feed(self, source: Source, room: asyncio.Semaphore) -> None:
        async with contextlib.nullcontext() if source.live else room:
            fed: set[str] = set()
            async with aclosing(source.chunks()) as items:
                while (item := await self._next(items)) is not None:
                    fed.add(item.stream)
                    if isinstance(item, StreamEnd):
                        await self._end(item.stream)
                    else:
                        await self._take(item)
            for stream in fed:
                await self._end(stream)

    async def _next(self, items: AsyncGenerator[AudioChunk | StreamEnd, None]) -> AudioChunk | StreamEnd | None:
        """What the source gives next; None at its end, its failure, or the stop."""
        if self.stop.is_set():
            return None
        coming = asyncio.ensure_future(anext(items, None))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({coming, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return await coming if coming.done() else None
        except GenredError as error:
            self.failures.append(error)
            return None
        finally:
            coming.cancel()
            stopping.cancel()
            await asyncio.gather(coming, stopping, return_exceptions=True)

    async def _take(self, chunk: AudioChunk) -> None:
        run = self._runs.get(chunk.stream)
        if run is not None and run.source_epoch != chunk.epoch:
            await self._end(chunk.stream)
            run = None
        if run is None:
            run = self._runs[chunk.stream] = self._begin(chunk)
        for piece in run.chopper.push(chunk):
            await self._send(run, piece)

    def _begin(self, chunk: AudioChunk) -> Run:
        """A run of its own: whoever feeds the same file again begins a new one, as any producer that restarts."""
        count = self._epochs[chunk.stream] = self._epochs.get(chunk.stream, 0) + 1
        epoch = self.rules.epoch if count == 1 else f"{self.rules.epoch}+{count}"
        keys = [stream_key(name) for name in copies_of(chunk.stream, self.rules.copies)]
        return Run(keys, epoch.encode(), chunk.epoch, Chopper(self.rules.chunk_s))

    async def _send(self, run: Run, chunk: AudioChunk) -> None:
        value, content_type = pack(chunk.audio, chunk.format, self.rules.encoding)
        headers: Headers = [
            (CONTENT_TYPE, content_type.encode()),
            (POSITION, str(chunk.position).encode()),
            (EPOCH, run.epoch),
        ]
        if chunk.title is not None:
            headers.append((TITLE, chunk.title.encode("utf-8", "replace")))
        run.position = chunk.position + chunk.frames
        for key in run.keys:
            await self.outbox.send(key, value, headers, round(chunk.captured_at_s * 1000))
            self.audio_s += chunk.seconds

    async def _end(self, stream: str) -> None:
        run = self._runs.pop(stream, None)
        if run is None:
            return
        for piece in run.chopper.flush():
            await self._send(run, piece)
        headers = [(EPOCH, run.epoch), (POSITION, str(run.position).encode()), (END, b"true")]
        for key in run.keys:
            await self.outbox.send(key, b"", headers, round(time.time() * 1000))


def copies_of(stream: str, copies: int) -> list[str]:
    """The names that a stream is sent under: its own, or `name-001` and so on."""
    digits = max(3, len(str(copies)))
    return [stream] if copies == 1 else [f"{stream}-{number:0{digits}d}" for number in range(1, copies + 1)]


def stream_key(name: str) -> bytes:
    """`name` as the key of a record: printable UTF-8, at most 512 bytes: its end, where copies are told apart."""
    return printable(name).encode()[-MAX_KEY_BYTES:].decode(errors="ignore").encode()

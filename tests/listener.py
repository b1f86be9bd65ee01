"""Listens to a source in a test: what came, waits with a limit, and where in the broadcast the audio is from."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np

from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.source import Source
from tests.audio_files import as_float, second_heard

LIMIT_S = 20.0
STEP_S = 0.05


class Listener:
    """What a source gave so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items: list[AudioChunk | StreamEnd] = []
        self.failure: Exception | None = None
        self.ended = False

    @property
    def chunks(self) -> list[AudioChunk]:
        """The audio so far."""
        return [item for item in self.items if isinstance(item, AudioChunk)]

    @property
    def seconds(self) -> float:
        """Length of the audio so far."""
        return sum(chunk.seconds for chunk in self.chunks)

    def reasons(self) -> str:
        """Every state the source was in, and why."""
        return "; ".join(f"{state}: {reason}" for _, state, reason in self.source.status.transitions)

    async def run(self) -> None:
        """Take everything, up to the end."""
        try:
            async for item in self.source.chunks():
                self.items.append(item)
        except Exception as error:
            self.failure = error
        self.ended = True

    async def until(self, fact: Callable[[], object], what: str) -> None:
        """Wait until `fact()` is true; fails with `what` when it never is."""
        deadline = time.monotonic() + LIMIT_S
        while not fact():
            assert time.monotonic() < deadline, (
                f"never {what}: {self.reasons()}; {self.seconds:.1f} s; {self.failure!r}"
            )
            await asyncio.sleep(0.01)

    async def hear(self, seconds: float) -> None:
        """Wait for so much more audio."""
        wanted = self.seconds + seconds
        await self.until(lambda: self.seconds >= wanted or self.ended, f"{seconds} s of audio")
        assert self.seconds >= wanted, f"it ended: {self.reasons()} {self.failure!r}"


@asynccontextmanager
async def listening(source: Source) -> AsyncIterator[Listener]:
    """A listener at work; afterwards its thread has ended."""
    listener = Listener(source)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        began = time.monotonic()
        name = f"{source.status.kind} {source.status.name}"
        while any(thread.name == name for thread in threading.enumerate()):
            assert time.monotonic() - began < 1.5, "its thread did not end"
            await asyncio.sleep(0.01)


def jumps(chunks: list[AudioChunk]) -> list[tuple[int, int]]:
    """(index of the chunk after it, frames missing) for each place where positions do not follow."""
    found = []
    for index in range(1, len(chunks)):
        missing = chunks[index].position - chunks[index - 1].position - chunks[index - 1].frames
        if missing:
            found.append((index, missing))
    return found


def offset_s(chunks: list[AudioChunk]) -> float:
    """Where in the broadcast position 0 lies (seconds), by the places where the tone changes; chunks without a gap."""
    rate = chunks[0].format.sample_rate_hz
    mono = as_float(b"".join(chunk.audio for chunk in chunks), chunks[0].format)[:, 0]
    step = round(STEP_S * rate)
    heard = [second_heard(mono[start : start + step], rate) for start in range(0, len(mono) - step, step)]
    edges = [
        heard[index] - (chunks[0].position + (index - 0.5) * step) / rate
        for index in range(2, len(heard) - 2)
        if heard[index - 2] == heard[index - 1] == heard[index] - 1 and heard[index + 1] == heard[index]
    ]
    assert edges, f"no second begins in {len(mono) / rate:.1f} s: {heard}"
    assert max(edges) - min(edges) < 3 * STEP_S, f"seconds of uneven length: {edges}"
    return float(np.median(edges))

"""The engine: one bounded queue of windows of all streams, one worker thread that scores them in batches.

The event loop never computes. A batch closes at `max_batch` windows, or `max_wait_s` after its first. Results come out
in the order the windows went in, and an end of stream travels with them, behind its stream's last window.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.cuts import Window
from daemon.messages import StreamEnd
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow, Scorer

Item = Window | ScoredWindow | StreamEnd
Output = ScoredWindow | StreamEnd


class Lane(Protocol):
    """Whose windows they are: gets back what it submitted, in order."""

    async def deliver(self, done: Sequence[Done]) -> None:
        """Publish the results of `done`; each window is to be released once it has left for good."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A window to be scored, one whose scores are known already, or the end of a stream behind its last window.

    `ticket` is the lane's own and comes back untouched.
    """

    lane: Lane
    item: Item
    ticket: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """A job that is finished."""

    lane: Lane
    item: Output
    ticket: object


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Sizes of the engine: windows in a batch, seconds to wait for one to fill, windows in flight."""

    max_batch: int
    max_wait_s: float
    capacity: int


class Engine:
    """Scores windows in its own thread. Use: `start()`, `submit()` and `results()` on one event loop, `stop()`."""

    def __init__(self, scorer: Scorer, limits: EngineLimits, metrics: Metrics) -> None:
        self.scorer = scorer
        self._limits = limits
        self._metrics = metrics
        self._room = asyncio.Semaphore(limits.capacity)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._results: asyncio.Queue[list[Done] | BaseException | None] = asyncio.Queue()
        self._thread = threading.Thread(target=self._work, name="genred-engine", daemon=True)
        self._queued = 0  # windows submitted and not yet taken by the worker
        self.in_flight = 0  # windows submitted and not yet released
        self.in_flight_s = 0.0  # their fresh seconds
        self.progressed_at_s = time.monotonic()

    def start(self) -> None:
        """Start the worker; call on the event loop that will take the results."""
        self._loop = asyncio.get_running_loop()
        self._metrics.queue_capacity_windows.labels("engine").set(self._limits.capacity)
        self._thread.start()

    async def submit(self, job: Job) -> None:
        """Queue a job, waiting for room if it is a window; an end of stream needs none."""
        window = window_of(job.item)
        if window is not None:
            await self._room.acquire()
            self.in_flight += 1
            self.in_flight_s += window.fresh_s
            self._queued += 1
            self._metrics.queue_windows.labels("engine").set(self._queued)
        self._jobs.put(job)

    async def results(self) -> AsyncIterator[list[Done]]:
        """Batches in order until `close()`; raises what the worker died of."""
        while (batch := await self._results.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            self._queued -= sum(isinstance(done.item, ScoredWindow) for done in batch)
            self._metrics.queue_windows.labels("engine").set(self._queued)
            yield batch

    def release(self, window: Window) -> None:
        """A window's result has left for good: there is room for another."""
        self.in_flight -= 1
        self.in_flight_s -= window.fresh_s
        self._room.release()

    def close(self) -> None:
        """No more items: `results()` ends after what is queued."""
        self._jobs.put(None)

    @property
    def alive(self) -> bool:
        """Whether the worker runs."""
        return self._thread.is_alive()

    @property
    def busy(self) -> bool:
        """Whether windows are waiting for the worker."""
        return self._queued > 0

    def join(self, timeout_s: float) -> bool:
        """Wait for the worker to end; False when it did not."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._publish(self._scored(batch))
                self.progressed_at_s = time.monotonic()
        except BaseException as error:  # whatever it is, the loop must hear of it
            self._publish(error)
        else:
            self._publish(None)

    def _next_batch(self) -> list[Job] | None:
        """Up to `max_batch` windows, and the ends between them; None when closed and drained."""
        first = self._jobs.get()
        if first is None:
            return None
        started = time.monotonic()
        batch = [first]
        windows = int(isinstance(first.item, Window))
        while windows < self._limits.max_batch:
            wait_s = started + self._limits.max_wait_s - time.monotonic() if windows else 0.0
            try:
                job = self._jobs.get(block=wait_s > 0, timeout=max(0.0, wait_s))
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # finish this batch first
                break
            batch.append(job)
            windows += isinstance(job.item, Window)
        if windows:
            self._metrics.batch_wait_seconds.observe(time.monotonic() - started)
        return batch

    def _scored(self, batch: list[Job]) -> list[Done]:
        windows = [job.item for job in batch if isinstance(job.item, Window)]
        scored: Iterator[ScoredWindow] = iter(())
        if windows:
            self._metrics.batch_size.observe(len(windows))
            started = time.perf_counter()
            scored = iter(self.scorer.score(windows, self._metrics.stage_took, time.perf_counter))
            self._metrics.batch_took(sum(window.fresh_s for window in windows), time.perf_counter() - started)
        return [Done(job.lane, next(scored) if isinstance(job.item, Window) else job.item, job.ticket) for job in batch]

    def _publish(self, outcome: list[Done] | BaseException | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._results.put_nowait, outcome)


def window_of(item: Item) -> Window | None:
    """The window of an item; None for an end of stream."""
    match item:
        case ScoredWindow():
            return item.window
        case Window():
            return item
        case StreamEnd():
            return None

"""The engine: windows of all streams in, scores out. The event loop never computes; the workers know no asyncio.

Results of one flow come out in the order its jobs went in, and an end of stream travels with them, behind its stream's
last window. Who scores can be changed at any time (`serve`): batches that were taken are finished by who began them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.batcher import Batcher, BatchLimits
from daemon.cuts import Window
from daemon.messages import StreamEnd
from daemon.metrics import Metrics
from daemon.roster import Roster
from daemon.scoring import Batch, ScoredWindow, Scorer
from daemon.stages import Stage

Item = Window | ScoredWindow | StreamEnd
Output = ScoredWindow | StreamEnd


class Lane(Protocol):
    """Whose windows they are: gets back what it submitted."""

    async def deliver(self, done: Sequence[Done]) -> None:
        """Publish the results of `done`; each window is to be released once it has left for good."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A window to be scored, one whose scores are known already, or the end of a stream behind its last window.

    Jobs of one `flow` stay in order. `ticket` is the lane's own and comes back untouched. `traceparent`: the trace that
    the window's last audio came with.
    """

    lane: Lane
    item: Item
    flow: Hashable
    ticket: object = None
    traceparent: str | None = None

    @property
    def fresh_window(self) -> Window | None:
        """The window that is to be scored, if it is one."""
        return self.item if isinstance(self.item, Window) else None


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """A job that is finished."""

    lane: Lane
    item: Output
    ticket: object


@dataclass(frozen=True, slots=True, eq=False)
class Crew:
    """Who scores: a roster of models, and for each worker a scorer that asks them."""

    roster: Roster
    scorers: tuple[Scorer, ...]
    limits: BatchLimits


@dataclass(slots=True, eq=False)
class _Part:
    """One flow's jobs in a batch."""

    jobs: list[Job]
    done: list[Done] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A batch in a worker's hands."""

    jobs: list[Job]
    parts: dict[Hashable, _Part]
    crew: Crew
    windows: list[Window]


class Engine:
    """Scores windows in threads of its own. Use: `start()`, `submit()` and `results()` on one event loop, `close()`."""

    def __init__(self, crew: Crew, capacity_windows: int, metrics: Metrics) -> None:
        self._crew, self._capacity, self._metrics = crew, capacity_windows, metrics
        self._room = asyncio.Semaphore(capacity_windows)
        self._batcher: Batcher[Job] = Batcher(metrics.batch_wait_seconds.observe)
        self._results: asyncio.Queue[list[Done] | BaseException | None] = asyncio.Queue()
        self._taking = threading.Lock()  # held while a batch is taken: so batches of a flow are known in order
        self._order: defaultdict[Hashable, deque[_Part]] = defaultdict(deque)  # of each flow, what is not out yet
        self._ordering = threading.Lock()
        self._workers = [
            threading.Thread(target=self._work, args=(number,), name=f"genred-engine-{number}", daemon=True)
            for number in range(len(crew.scorers))
        ]
        self._working = len(self._workers)
        self._busy_since_s: list[float | None] = [None] * len(self._workers)
        self._queued = 0  # windows submitted whose results have not come
        self.in_flight = 0  # windows submitted and not yet released
        self.in_flight_s = 0.0  # their fresh seconds

    def start(self) -> None:
        """Start the workers; call on the event loop that will take the results."""
        self._loop = asyncio.get_running_loop()
        self._metrics.queue_capacity_windows.labels("engine").set(self._capacity)
        self._metrics.engine_workers.set(len(self._workers))
        self._metrics.engine_busy_seconds.set_function(self.stuck_s)
        for worker in self._workers:
            worker.start()

    @property
    def roster(self) -> Roster:
        """Who scores the next batch."""
        return self._crew.roster

    def serve(self, crew: Crew) -> None:
        """From the next batch on `crew` scores; it has as many scorers as the one before."""
        if len(crew.scorers) != len(self._workers):
            raise ValueError(f"engine: {len(crew.scorers)} scorers for {len(self._workers)} workers")
        self._crew = crew

    async def submit(self, job: Job) -> None:
        """Queue a job, waiting for room if it is a window; an end of stream needs none."""
        window = window_of(job.item)
        if window is not None:
            stages = self._metrics.stages
            arrived_ns = time.time_ns() if stages.watcher is not None else 0
            await self._room.acquire()
            if stages.watcher is not None:
                stages.watcher.arrived(window, arrived_ns, job.traceparent)
            stages.began(Stage.QUEUE, (window,))
            self.in_flight += 1
            self.in_flight_s += window.fresh_s
            self._queued += 1
            self._metrics.queue_windows.labels("engine").set(self._queued)
        self._batcher.put(job)

    async def results(self) -> AsyncIterator[list[Done]]:
        """What is done, each flow in order, until `close()`; raises what a worker died of."""
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
        """No more jobs: `results()` ends after what is queued."""
        self._batcher.close()

    @property
    def alive(self) -> bool:
        """Whether every worker runs, or is still to be started."""
        return all(worker.is_alive() or worker.ident is None for worker in self._workers)

    def at_work(self) -> list[tuple[threading.Thread, float | None]]:
        """Each worker, and when it began what it is at (monotonic clock, seconds); None: it waits for windows."""
        return list(zip(self._workers, self._busy_since_s, strict=True))

    def stuck_s(self) -> float:
        """Seconds that the slowest worker has been at its batch."""
        busy = [since_s for since_s in self._busy_since_s if since_s is not None]
        return time.monotonic() - min(busy) if busy else 0.0

    def join(self, timeout_s: float) -> bool:
        """Wait for the workers to end; False when one did not."""
        deadline = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def _work(self, number: int) -> None:
        under_way: deque[tuple[_Taken, Batch | None, float]] = deque()
        finished = 0.0  # when the batch before was: the time beside it is not counted twice
        try:
            while True:
                taken = self._take(number, wait=not under_way)
                if taken is not None and taken.jobs:
                    started = time.perf_counter()
                    scorer = taken.crew.scorers[number]
                    under_way.append((taken, scorer.begin(taken.windows) if taken.windows else None, started))
                    if len(under_way) < scorer.depth:
                        continue
                if under_way:
                    done, batch, started = under_way.popleft()
                    self._finish(done, batch, max(started, finished))
                    finished = time.perf_counter()
                elif taken is None:
                    break
                self._busy_since_s[number] = time.monotonic() if under_way else None
        except BaseException as error:  # whatever it is, the loop must hear of it
            self._publish(error)
        else:
            with self._ordering:
                self._working -= 1
                last = not self._working
            if last:
                self._publish(None)

    def _take(self, number: int, wait: bool) -> _Taken | None:
        """The next batch, empty when there is none at once; None when all is done."""
        if not self._taking.acquire(blocking=wait):  # another worker is waiting for jobs: there are none
            return _Taken([], {}, self._crew, [])
        try:
            jobs = self._batcher.take(self._crew.limits, wait)
            if jobs is None:
                return None
            crew = self._crew  # as it is now that the batch is closed
            parts: dict[Hashable, _Part] = {}
            for job in jobs:
                parts.setdefault(job.flow, _Part([])).jobs.append(job)
            with self._ordering:
                for flow, part in parts.items():
                    self._order[flow].append(part)
            if jobs and self._busy_since_s[number] is None:
                self._busy_since_s[number] = time.monotonic()
        finally:
            self._taking.release()
        self._metrics.stages.ended(Stage.QUEUE, [window for job in jobs if (window := window_of(job.item)) is not None])
        windows = [window for job in jobs if (window := job.fresh_window) is not None]
        if windows:
            self._metrics.batch_size.observe(len(windows))
        return _Taken(jobs, parts, crew, windows)

    def _finish(self, taken: _Taken, batch: Batch | None, started: float) -> None:
        """Give out what the batch found, flow by flow, behind what was taken before it."""
        scores = iter(batch.scores() if batch is not None else ())
        if taken.windows:
            audio_s = sum(window.fresh_s for window in taken.windows)
            self._metrics.batch_took(audio_s, (time.perf_counter() - started) / len(self._workers))
        roster = taken.crew.roster
        found = {
            id(job): ScoredWindow(job.item, next(scores), roster) for job in taken.jobs if isinstance(job.item, Window)
        }
        with self._ordering:
            for flow, part in taken.parts.items():
                part.done = [
                    Done(job.lane, job.item if not isinstance(job.item, Window) else found[id(job)], job.ticket)
                    for job in part.jobs
                ]
                order = self._order[flow]
                while order and order[0].done is not None:
                    self._publish(order.popleft().done)
                if not order:
                    del self._order[flow]

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

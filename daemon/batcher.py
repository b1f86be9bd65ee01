"""The engine's queue: jobs of many flows, in order within each, the flows in turn. Thread-safe; knows no asyncio."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from daemon.cuts import Window


class Queued(Protocol):
    """What waits: a window, or something that only keeps its place behind one."""

    @property
    def flow(self) -> Hashable:
        """Jobs of one flow stay in order."""
        ...

    @property
    def fresh_window(self) -> Window | None:
        """The window that is to be scored, if it is one."""
        ...


J = TypeVar("J", bound=Queued)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Of one batch. chain_windows: most windows of one stream that follow one another; they share what they overlap.

    share: a batch that does not wait takes at most one in so many of the windows that are there, or one: so nobody's
    result waits for another's while few are there, and handing over costs less when many are.
    """

    max_windows: int
    max_wait_s: float
    chain_windows: int = 1
    share: int = 1


@dataclass(slots=True)
class _Batch(Generic[J]):
    jobs: list[J] = field(default_factory=list)
    windows: int = 0


class Batcher(Generic[J]):
    """`put` from anywhere; `take` by any number of workers, each of which gets jobs of its own.

    waited: hears how many seconds each batch with windows was open.
    """

    def __init__(self, waited: Callable[[float], None] = lambda seconds: None) -> None:
        self._waited = waited
        self._changed = threading.Condition()
        self._flows: dict[Hashable, deque[J]] = {}
        self._turn: deque[Hashable] = deque()  # flows that have jobs; the first is next
        self._waiting = 0  # windows
        self._closed = False

    def put(self, job: J) -> None:
        """Queue a job behind those of its flow."""
        with self._changed:
            waiting = self._flows.get(job.flow)
            if waiting is None:
                waiting = self._flows[job.flow] = deque()
                self._turn.append(job.flow)
            waiting.append(job)
            self._waiting += job.fresh_window is not None
            self._changed.notify()

    def close(self) -> None:
        """Nothing more comes: `take` gives what is left, then None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, limits: BatchLimits, wait: bool = True) -> list[J] | None:
        """The next batch; None when all is done; empty when `wait` is false and there is nothing.

        A batch has a chain of each flow in turn, `limits.max_windows` windows or one chain at least, and closes
        `limits.max_wait_s` after its first window at the latest.
        """
        batch: _Batch[J] = _Batch()
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._turn or self._closed)
            if not self._turn:
                return None if self._closed else []
            opened_at = time.monotonic()
            most = limits.max_windows
            if not limits.max_wait_s:
                most = max(1, min(most, self._waiting // limits.share))
            while True:
                while self._turn and batch.windows < most:
                    self._take_turn(batch, limits)
                open_s = time.monotonic() - opened_at
                full = batch.windows >= most or self._closed or open_s >= limits.max_wait_s
                if full and batch.windows:
                    self._waited(open_s)
                if full or not batch.windows:
                    return batch.jobs
                self._changed.wait(limits.max_wait_s - open_s)

    def _take_turn(self, batch: _Batch[J], limits: BatchLimits) -> None:
        """A chain of the next flow, and what stands behind it that is no window."""
        flow = self._turn.popleft()
        waiting = self._flows[flow]
        chained: Window | None = None
        count = 0
        while waiting:
            window = waiting[0].fresh_window
            if window is not None:
                follows = chained is not None and window.blocks[0] is chained.blocks[-1]
                if count and not (follows and count < limits.chain_windows):
                    break
                chained, count = window, count + 1
            batch.jobs.append(waiting.popleft())
        batch.windows += count
        self._waiting -= count
        if waiting:
            self._turn.append(flow)
        else:
            del self._flows[flow]

"""Watches that the event loop turns and the engine's workers get on, from a thread of its own.

It asks nobody outside the process: a broker that is away is no reason to end. Who is stuck for good is named, with the
stack of its thread, and the process ended: a wedged thread can be neither joined nor killed, only left to the
supervisor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.engine import Engine
from daemon.errors import EXIT_INTERNAL
from daemon.logs import flush_logs

log = logging.getLogger(__name__)
BEAT_S = 0.2  # between the loop's signs of life
LOOK_S = 1.0
LOOKS = 10  # at least, before anything counts as stuck
SICK_SHARE = 0.5  # of `stuck_after_s`: from then on /livez says so
LAST_WORD_S = 5.0
LOOP = "the event loop"


@dataclass(slots=True)
class _Watched:
    """What one thread is at: `mark` changes when it gets on; `since_s` is when it did, by the guard's clock."""

    what: str
    mark: object
    since_s: float


@dataclass(frozen=True, slots=True)
class Stuck:
    """A thread that does not get on."""

    thread: int
    what: str
    seconds: float

    def __str__(self) -> str:
        doing = "has not turned" if self.what == LOOP else "has been at one batch"
        return f"{self.what} {doing} for {self.seconds:.0f} s"


def end_process(stuck: Stuck) -> None:
    """Say who is stuck and where, and end the process with EXIT_INTERNAL, whatever hangs in it."""
    frame = sys._current_frames().get(stuck.thread)
    where = "".join(traceback.format_stack(frame)) if frame is not None else "no Python code"

    def say() -> None:
        log.critical("%s: ending with code %d, to be started anew; it is here:\n%s", stuck, EXIT_INTERNAL, where)
        flush_logs()

    words = threading.Thread(target=say, name="genred-last-words", daemon=True)  # logging may be what hangs
    words.start()
    words.join(LAST_WORD_S)
    os._exit(EXIT_INTERNAL)


class Guard:
    """Ends the process by `end` when a thread makes no progress for `stuck_after_s` seconds.

    Time is counted in looks of at most twice their usual distance, so that a process that was stopped, or whose machine
    slept, is not taken for one that hangs.
    """

    def __init__(self, engine: Engine, stuck_after_s: float, end: Callable[[Stuck], None] = end_process) -> None:
        self._engine, self._stuck_after_s, self._end = engine, stuck_after_s, end
        self._look_s = min(LOOK_S, stuck_after_s / LOOKS)
        self._stop = threading.Event()
        self._clock_s = 0.0
        self._watched: dict[int, _Watched] = {}
        self._beats = 0
        self._worst: Stuck | None = None
        self.loop_lag_s = 0.0  # how late the loop's last sign of life was

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the running event loop and the engine; enter on the loop."""
        beat = asyncio.create_task(self._beat(), name="beat")
        loop_thread = threading.get_ident()
        thread = threading.Thread(target=self._watch, args=(loop_thread,), name="genred-guard", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            beat.cancel()

    def trouble(self) -> str | None:
        """Who makes no progress, from half of `stuck_after_s` on; None while all do. Any thread may ask."""
        worst = self._worst
        return None if worst is None or worst.seconds < SICK_SHARE * self._stuck_after_s else str(worst)

    async def _beat(self) -> None:
        while True:
            due_s = time.monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self.loop_lag_s = max(0.0, time.monotonic() - due_s)
            self._beats += 1

    def _watch(self, loop_thread: int) -> None:
        before_s = time.monotonic()
        while not self._stop.wait(self._look_s):
            now_s = time.monotonic()
            self._clock_s += min(now_s - before_s, 2 * self._look_s)
            before_s = now_s
            self._worst = worst = self._look(loop_thread)
            if worst is not None and worst.seconds >= self._stuck_after_s and not self._stop.is_set():
                self._end(worst)

    def _look(self, loop_thread: int) -> Stuck | None:
        """Whoever has been without progress the longest."""
        self._note(loop_thread, LOOP, self._beats)
        for thread, since_s in self._engine.at_work():
            if thread.ident is None:
                continue
            if since_s is None:
                self._watched.pop(thread.ident, None)
            else:
                self._note(thread.ident, f"the thread {thread.name}", since_s)
        ident, slowest = min(self._watched.items(), key=lambda item: item[1].since_s)
        return Stuck(ident, slowest.what, self._clock_s - slowest.since_s)

    def _note(self, ident: int, what: str, mark: object) -> None:
        watched = self._watched.get(ident)
        if watched is None or watched.mark != mark:
            self._watched[ident] = _Watched(what, mark, self._clock_s)

"""Tells the service manager how the daemon is, from the same facts as /livez and /readyz."""

from __future__ import annotations

import asyncio
import time

from daemon.health import Health
from daemon.notify import Notifier, monotonic_usec

LOOK_S = 0.5
SAY_EVERY_S = 10.0  # figures in STATUS
MORE_TIME_S = 30.0  # that a start, or a drain, may still take


class Reporter:
    """READY at each change to ready, STATUS, WATCHDOG while the daemon makes progress, RELOADING, STOPPING.

    Until it is ready for the first time it asks for more time to start, as long as it makes progress: a broker that is
    not there yet is waited for. What the manager's full socket does not take is said at the next look.
    """

    def __init__(self, notifier: Notifier, health: Health, drain_timeout_s: float) -> None:
        self._notifier, self._health, self._drain_timeout_s = notifier, health, drain_timeout_s
        watchdog_s = notifier.watchdog_s
        self._alive_every_s = None if watchdog_s is None else watchdog_s / 2
        self._look_s = LOOK_S if watchdog_s is None else min(LOOK_S, watchdog_s / 4)
        self._ready: bool | None = None
        self._began = False  # READY was said
        self._reloading = self._stopping = self._stopping_said = False
        self._reload = ""
        self._alive_at_s = self._said_at_s = self._asked_at_s = float("-inf")  # monotonic clock

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(self._look_s)

    def look(self) -> None:
        """Tell what has changed, and what is due."""
        now_s = time.monotonic()
        alive = self._health.dead() is None
        every_s = self._alive_every_s
        due = alive and every_s is not None and now_s - self._alive_at_s >= every_s - self._look_s
        if due and self._notifier.send(WATCHDOG=1):
            self._alive_at_s = now_s
        if self._stopping:
            self._say_stopping()
            return
        if self._reloading:
            return
        ready = self._health.unready() is None
        if ready and not self._ready:
            if not self._notifier.send(READY=1, STATUS=self._line()):
                return  # the manager waits for it: again at the next look
            self._began = True
            self._said_at_s = now_s
        elif ready != self._ready or now_s - self._said_at_s >= SAY_EVERY_S:
            self._notifier.send(STATUS=self._line())
            self._said_at_s = now_s
        self._ready = ready
        if alive and not self._began and now_s - self._asked_at_s >= MORE_TIME_S / 3:
            self._asked_at_s = now_s
            self._notifier.send(EXTEND_TIMEOUT_USEC=round(MORE_TIME_S * 1e6))

    def reload(self, outcome: str | None) -> None:
        """A reload was asked for (None), or this came of it."""
        if not self._began or self._stopping:
            return
        self._reloading = outcome is None
        if outcome is None:
            self._notifier.send(RELOADING=1, MONOTONIC_USEC=monotonic_usec(), STATUS="reloading")
        else:
            self._reload = f"; reload {outcome}"
            if self._notifier.send(READY=1, STATUS=self._line()):  # that the reload is over, ready or not
                self._said_at_s = time.monotonic()
            else:
                self._ready = None  # said when it is ready

    def stopping(self) -> None:
        """The drain begins."""
        self._stopping = True
        self._say_stopping()

    def _say_stopping(self) -> None:
        if not self._stopping_said:
            more_s = self._drain_timeout_s + MORE_TIME_S
            self._stopping_said = self._notifier.send(
                STOPPING=1, STATUS="draining", EXTEND_TIMEOUT_USEC=round(more_s * 1e6)
            )

    def _line(self) -> str:
        return self._health.line() + self._reload

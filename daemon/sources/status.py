"""What is known of one source: the facts behind `/status`, readiness and the stall metrics."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from daemon.messages import rfc3339

log = logging.getLogger(__name__)
TRANSITIONS_KEPT = 16


class SourceState(StrEnum):
    """A source's life; `stalled` and `retrying` are trouble that it works on by itself."""

    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"
    RETRYING = "retrying"
    ENDED = "ended"
    FAILED = "failed"


AT_WORK = frozenset({SourceState.STALLED, SourceState.RETRYING})  # on its trouble, by itself
TROUBLED = AT_WORK | {SourceState.FAILED}


@dataclass(slots=True)
class SourceStatus:
    """Mutable facts of one source, written by the source alone (from any one thread), read by health and metrics."""

    name: str
    kind: str
    state: SourceState = SourceState.STARTING
    quiet: bool = False  # changes are not logged
    log: logging.Logger = log  # where they are
    restarts: int = 0
    last_error: str | None = None
    dropped_s: float = 0.0
    last_audio_at_s: float | None = None  # monotonic clock
    parts: Callable[[], list[dict[str, Any]]] | None = None  # what it consists of: partitions
    since_s: float = field(default_factory=time.monotonic)  # when it entered its state
    transitions: deque[tuple[float, SourceState, str]] = field(default_factory=lambda: deque(maxlen=TRANSITIONS_KEPT))

    def heard(self) -> None:
        """Audio has just arrived."""
        self.last_audio_at_s = time.monotonic()
        if self.state is not SourceState.RUNNING:
            self.change(SourceState.RUNNING, "audio arrives")

    def change(self, state: SourceState, reason: str) -> None:
        """Enter `state` for `reason`; a change is kept in `transitions` and logged once. Each RETRYING is a restart."""
        if state is SourceState.RETRYING:
            self.restarts += 1
        if state in TROUBLED:
            self.last_error = reason
        changed = state is not self.state
        self.state = state
        if changed:
            self.since_s = time.monotonic()
            self.transitions.append((time.time(), state, reason))
            if not self.quiet:
                self.log.log(_level(state), "source %s is %s: %s", self.name, state, reason)

    def silence_s(self) -> float | None:
        """Seconds since audio last arrived; None before the first."""
        return None if self.last_audio_at_s is None else time.monotonic() - self.last_audio_at_s

    def as_json(self) -> dict[str, Any]:
        """The source's object in `/status`."""
        since = self.silence_s()
        parts = {} if self.parts is None else {"partitions": self.parts()}
        return {
            "name": self.name,
            "kind": self.kind,
            "state": self.state.value,
            "since": rfc3339(self.transitions[-1][0]) if self.transitions else None,
            "seconds_in_state": round(time.monotonic() - self.since_s, 3),
            "seconds_since_audio": None if since is None else round(since, 3),
            "restarts": self.restarts,
            "dropped_seconds": round(self.dropped_s, 3),
            "last_error": self.last_error,
            "transitions": [
                {"time": rfc3339(at_s), "state": state.value, "reason": reason}
                for at_s, state, reason in list(self.transitions)
            ],
            **parts,
        }


def _level(state: SourceState) -> int:
    return logging.WARNING if state in TROUBLED else logging.INFO

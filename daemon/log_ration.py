"""How many lines a minute may be about brokers. Pure: no clock, no output."""

from __future__ import annotations

import logging
from collections import deque

MINUTE_S = 61.0  # a second more: for a record's way from its making to its line
LINES = 9  # in any minute
COMMON = 4  # of them for whatever comes; beyond, only a first word of genred's own comes at once
OWN = ("daemon", "export", "models")  # packages whose messages name what they are about
BROKERS = "daemon.kafka."


def is_own(record: logging.LogRecord) -> bool:
    """Whether genred says it, not a library."""
    return record.name.partition(".")[0] in OWN


class Ration:
    """Counts lines about brokers: those of `daemon.kafka` and of every library.

    With a broker gone, aiokafka alone has thousands of messages a minute, of a dozen kinds; with it back, each
    partition has its own. Times are of any one clock that never jumps, seconds.
    """

    def __init__(self) -> None:
        self._said_s: deque[float] = deque(maxlen=LINES)

    def take(self, record: logging.LogRecord, first: bool, now_s: float) -> bool:
        """Whether there is room for a line, which is then counted. `first`: of its kind, for at least a minute."""
        if is_own(record) and not record.name.startswith(BROKERS):
            return True
        lines = sum(now_s - said_s < MINUTE_S for said_s in self._said_s)
        if lines >= (LINES if first and is_own(record) else COMMON):
            return False
        self._said_s.append(now_s)
        return True

"""What aiokafka may log: no secrets, no audio, and no trouble more often than people can read."""

from __future__ import annotations

import logging
import time

REPEATS_EVERY_S = 10.0
LOGGERS = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)


class SeldomRepeated(logging.Filter):
    """Lets a message pass once in REPEATS_EVERY_S: a client without brokers says ten times a second that it tries.

    Messages are alike when their text without its arguments is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, tuple[float, int]] = {}  # text -> when it passed (monotonic, s), how many were held since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes; it then says how many did not."""
        text = str(record.msg)
        now_s = time.monotonic()
        passed_s, held = self._last.get(text, (-REPEATS_EVERY_S, 0))
        if now_s - passed_s < REPEATS_EVERY_S:
            self._last[text] = (passed_s, held + 1)
            return False
        self._last[text] = (now_s, 0)
        if held:
            record.msg = f"{text} (and {held} more of this kind)"
        return True


_SELDOM = SeldomRepeated()


def quieten_library() -> None:
    """Hold aiokafka's loggers back. At their debug level they write out every request: passwords, tokens and audio."""
    level = max(logging.INFO, logging.getLogger().level)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addFilter(_SELDOM)  # added once, however often

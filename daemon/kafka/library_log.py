"""What aiokafka may log: no secrets, no audio. How often it may say so is daemon/log_repeats.py's business."""

from __future__ import annotations

import logging

LOGGERS = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)


def quieten_library() -> None:
    """Hold aiokafka's loggers back. At their debug level they write out every request: passwords, tokens and audio."""
    level = max(logging.INFO, logging.getLogger().level)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)

"""What aiokafka may log: no secrets, no audio. How often it may say so is daemon/log_ration.py's business."""

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
    """Hold aiokafka's loggers back. At their debug level they write out every request: passwords, tokens and audio. At
    their info level they tell what genred tells in words of its own: for whoever looks for a defect.
    """
    asked = logging.getLogger().level
    level = logging.INFO if asked < logging.INFO else max(logging.WARNING, asked)
    for name in LOGGERS:
        logging.getLogger(name).setLevel(level)

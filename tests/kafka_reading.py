"""Result topics, read to their ends, record by record: hours of them would not fit in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer

POLL_MS = 200


def read_all(
    bootstrap: str, topic: str, committed_only: bool, take: Callable[[str, dict[str, Any]], None], limit_s: float
) -> None:
    """Hand every record that has a value to `take`: its id, and what it says. TimeoutError after `limit_s`."""
    asyncio.run(_read_all(bootstrap, topic, committed_only, take, limit_s))


async def _read_all(
    bootstrap: str, topic: str, committed_only: bool, take: Callable[[str, dict[str, Any]], None], limit_s: float
) -> None:
    isolation = "read_committed" if committed_only else "read_uncommitted"
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(limit_s):
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
            assert ends, f"no partitions of {topic}"
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        if record.value is not None:
                            take(dict(record.headers)["ce_id"].decode(), json.loads(record.value))
    finally:
        await consumer.stop()

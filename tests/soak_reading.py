"""Result topics, read to their ends, record by record: hours of them do not fit in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer

READ_S = 600.0
POLL_MS = 500


def read_all(bootstrap: str, topic: str, committed_only: bool, take: Callable[[str, Mapping[str, Any]], None]) -> None:
    """Hand every record that has a value to `take`: its id, and what it says. TimeoutError after `READ_S`."""
    asyncio.run(_read_all(bootstrap, topic, committed_only, take))


async def _read_all(
    bootstrap: str, topic: str, committed_only: bool, take: Callable[[str, Mapping[str, Any]], None]
) -> None:
    isolation = "read_committed" if committed_only else "read_uncommitted"
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(READ_S):
            ends = await consumer.end_offsets(sorted(consumer.assignment()))
            assert ends, f"no partitions of {topic}"
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        if record.value is not None:
                            take(dict(record.headers)["ce_id"].decode(), json.loads(record.value))
    finally:
        await consumer.stop()

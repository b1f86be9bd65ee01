"""Sends records as they stand, also such as aiokafka would not: without key and value, a header's name not UTF-8."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

NAME, UNREADABLE = b"x-not-utf-8", b"x-not-utf\xff\xfe"
SEND_S = 60.0
_CRC_AT, _CRC_FROM = 17, 21  # in a batch: the checksum, and the first byte that it covers


@dataclass(frozen=True)
class Sent:
    """A record to be sent; `unreadable`: with such a header."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, Any]] = ()
    timestamp_ms: int | None = None
    unreadable: bool = False


def send_all(bootstrap: str, topic: str, records: Sequence[Sent], **options: Any) -> list[int]:
    """The offsets of the records; in each partition they lie in this order."""
    return asyncio.run(_send_all(bootstrap, topic, records, options))


async def _send_all(bootstrap: str, topic: str, records: Sequence[Sent], options: dict[str, Any]) -> list[int]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5, **options)
    await producer.start()
    try:
        async with asyncio.timeout(SEND_S):
            sent: list[Any] = []
            for record in records:
                if record.unreadable or (record.key is None and record.value is None):
                    await asyncio.gather(*sent)  # in order
                    sent.append(await _batch(producer, topic, record))
                else:
                    sent.append(
                        await producer.send(
                            topic, record.value, record.key, record.partition, record.timestamp_ms, record.headers
                        )
                    )
            return [metadata.offset for metadata in await asyncio.gather(*sent)]
    finally:
        await producer.stop()


async def _batch(producer: AIOKafkaProducer, topic: str, record: Sent) -> asyncio.Future[Any]:
    batch = producer.create_batch()
    headers = [(NAME.decode(), b"v"), *record.headers] if record.unreadable else record.headers
    batch.append(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(headers))
    if record.unreadable:
        data = bytearray(bytes(batch._build()).replace(NAME, UNREADABLE))
        struct.pack_into(">I", data, _CRC_AT, calc_crc32c(bytes(data[_CRC_FROM:])))
        batch._buffer = data
    future: asyncio.Future[Any] = await producer.send_batch(batch, topic, partition=record.partition)
    return future

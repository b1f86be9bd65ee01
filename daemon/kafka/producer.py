"""Producers of results: idempotent, acknowledged by every replica in sync."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from daemon.kafka.output_record import OutputRecord
from daemon.kafka_settings import KafkaSettings

LINGER_MS = 5  # results of a batch travel together
MAX_REQUEST_BYTES = 16 << 20  # a dead letter is as large as what was refused


def make_producer(
    options: dict[str, Any], kafka: KafkaSettings, transactional_id: str | None = None
) -> AIOKafkaProducer:
    """A producer that is not started. `options`: those of `connection_options`."""
    return AIOKafkaProducer(
        **options,
        acks="all",
        enable_idempotence=True,
        transactional_id=transactional_id,
        compression_type=None if kafka.compression == "none" else kafka.compression,
        linger_ms=LINGER_MS,
        max_request_size=MAX_REQUEST_BYTES,
    )


async def send(producer: AIOKafkaProducer, record: OutputRecord) -> asyncio.Future[RecordMetadata]:
    """Queue a record; the future is its acknowledgement."""
    future: asyncio.Future[RecordMetadata] = await producer.send(
        record.topic,
        value=record.value,
        key=record.key,
        partition=record.partition,
        timestamp_ms=record.timestamp_ms,
        headers=record.headers,
    )
    return future

"""Producers of results: idempotent, acknowledged by every replica in sync."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from daemon.kafka.output_record import OutputRecord
from daemon.kafka_settings import KafkaSettings

LINGER_MS = 5  # results of a batch travel together
MAX_REQUEST_BYTES = 16 << 20  # a dead letter is as large as what was refused
STOP_S = 3.0  # for what is on its way when a producer is let go of


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
    future.add_done_callback(_heard)
    return future


async def stop_producer(producer: AIOKafkaProducer, limit_s: float = STOP_S) -> None:
    """Let go of a producer, within `limit_s` seconds however its brokers are; what it cannot send is lost."""
    try:
        with contextlib.suppress(KafkaError, OSError):  # one that has failed complains again; a timeout is an OSError
            async with asyncio.timeout(limit_s):
                await producer.stop()
                return
        task = producer._sender.sender_task
        if task is not None:  # without this it would go on trying for ever
            task.cancel()
        with contextlib.suppress(KafkaError, OSError):
            await producer.client.close()
    finally:
        _hear_the_rest(producer)


def _hear_the_rest(producer: AIOKafkaProducer) -> None:
    """Futures that aiokafka fails for nobody, each of them an error in the log otherwise."""
    for batch in chain.from_iterable(producer._message_accumulator._batches.values()):
        _heard(batch._drain_waiter)
    transactions = producer._txn_manager
    if transactions is not None and transactions.wait_for_transaction_end() is not None:
        _heard(transactions.wait_for_transaction_end())


def _heard(future: asyncio.Future[Any]) -> None:
    """Of many failures that are one, one is told of; the others are not an oversight."""
    if future.done() and not future.cancelled():
        future.exception()

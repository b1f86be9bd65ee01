"""What tests do with any Kafka: make a topic, see who leads it, write to it, read it from its start."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from aiokafka.structs import ConsumerRecord

from tests.process import POLL_S, TIME_LIMIT_S

Headers = Sequence[tuple[str, bytes]]
Record = ConsumerRecord[bytes | None, bytes | None]


async def create_topic(bootstrap: str, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
    """A topic that can be written to when this returns, on as many brokers as there are, up to three."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with asyncio.timeout(TIME_LIMIT_S):
        try:
            await admin.start()
            replicas = min(3, len((await admin.describe_cluster())["brokers"]))
            new = NewTopic(name, partitions, replicas, topic_configs=dict(config or {}))
            answer: Any = await admin.create_topics([new])
            for _, code, message in answer.topic_errors:
                if code:
                    raise for_code(code)(message)
            while len(_led(await admin.describe_topics([name]))) < partitions:  # noqa: ASYNC110  Kafka tells no one
                await asyncio.sleep(POLL_S)
        finally:
            await admin.close()


async def leaders(bootstrap: str, topic: str) -> dict[int, int]:
    """The number of the broker that leads each partition which has a leader."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with asyncio.timeout(TIME_LIMIT_S):
        try:
            await admin.start()
            return _led(await admin.describe_topics([topic]))
        finally:
            await admin.close()


async def write(
    bootstrap: str,
    topic: str,
    values: Sequence[bytes],
    key: bytes | None = None,
    headers: Headers = (),
    partition: int | None = None,
    **options: Any,
) -> list[int]:
    """The offsets of `values`, acknowledged by all replicas; `options` are the producer's."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", **options)
    async with asyncio.timeout(TIME_LIMIT_S):
        try:
            await producer.start()
            sent = [
                await producer.send(topic, value, key=key, headers=list(headers), partition=partition)
                for value in values
            ]
            return [(await acknowledged).offset for acknowledged in sent]
        finally:
            await producer.stop()


async def read(bootstrap: str, topic: str, count: int, **options: Any) -> list[Record]:
    """The first `count` records of the topic; fails when they are not there in time. `options` are the consumer's."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", **options)
    records: list[Record] = []
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            await consumer.start()
            while len(records) < count:
                records.append(await consumer.getone())
    except TimeoutError:
        raise AssertionError(f"{topic}: {len(records)} of {count} records within {TIME_LIMIT_S:g} s") from None
    finally:
        await consumer.stop()
    return records


def _led(topics: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    return {
        partition["partition"]: partition["leader"]
        for topic in topics
        for partition in topic["partitions"]
        if partition["error_code"] == 0 and partition["leader"] >= 0
    }

"""What tests do with any Kafka: make a topic, see who leads it, write to it, read it from its start."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, KafkaError, for_code
from aiokafka.structs import ConsumerRecord, TopicPartition

from tests.process import POLL_S, TIME_LIMIT_S

Headers = Sequence[tuple[str, bytes]]
FEEDING = "feeding"  # the name of a thread that goes on writing
Record = ConsumerRecord[bytes | None, bytes | None]


async def create_topic(
    bootstrap: str, name: str, partitions: int = 1, config: Mapping[str, str] | None = None, most_replicas: int = 3
) -> None:
    """A topic that can be written to when this returns, on as many brokers as there are, up to `most_replicas`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with asyncio.timeout(TIME_LIMIT_S):
        try:
            await admin.start()
            replicas = min(most_replicas, len((await admin.describe_cluster())["brokers"]))
            new = NewTopic(name, partitions, replicas, topic_configs=dict(config or {}))
            while not await _created(admin, new):  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
            while len(_led(await admin.describe_topics([name]))) < partitions:  # noqa: ASYNC110  Kafka tells no one
                await asyncio.sleep(POLL_S)
        finally:
            await admin.close()


async def _created(admin: AIOKafkaAdminClient, new: NewTopic) -> bool:
    """False when it is to be tried again: the brokers have started, but are not all let in yet."""
    answer: Any = await admin.create_topics([new])
    ((_, code, message),) = answer.topic_errors
    error = for_code(code)
    if code and error is not InvalidReplicationFactorError:
        raise error(message)
    return not code


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


async def until_committed(bootstrap: str, topic: str, group: str, limit_s: float) -> None:
    """Wait until the group has committed the topic to its end; an empty partition needs no commit."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    behind: dict[int, Any] = {}
    try:
        async with asyncio.timeout(limit_s):
            await consumer.start()
            while not behind or any(behind.values()):
                with contextlib.suppress(KafkaError):  # a broker that comes back
                    behind = await _behind(consumer, topic)
                await asyncio.sleep(POLL_S)  # Kafka tells no one
    except TimeoutError:
        raise AssertionError(f"{group} is behind in {topic} after {limit_s:g} s, by partition: {behind}") from None
    finally:
        await consumer.stop()


async def _behind(consumer: AIOKafkaConsumer, topic: str) -> dict[int, int]:
    """The records of each partition that are not committed."""
    numbers: Any = await consumer._client._wait_on_metadata(topic)
    partitions = [TopicPartition(topic, number) for number in numbers]
    ends = await consumer.end_offsets(partitions)
    return {where.partition: end - (await consumer.committed(where) or 0) for where, end in ends.items()}


def _led(topics: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    return {
        partition["partition"]: partition["leader"]
        for topic in topics
        for partition in topic["partitions"]
        if partition["error_code"] == 0 and partition["leader"] >= 0
    }

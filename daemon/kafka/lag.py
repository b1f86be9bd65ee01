"""How far behind the log this worker is."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from daemon.kafka.partition import OwnedPartition
from daemon.metrics import Metrics

SILENT_S = 10.0  # brokers that give no answer for so long are away
GAP_S = 5.0  # nor do they between two answers that are so far apart


async def log_ends(
    consumer: AIOKafkaConsumer, topic: str, keys: Sequence[TopicPartition], limit_s: float
) -> Mapping[TopicPartition, int]:
    """The offset behind the newest record of each partition; TimeoutError, or what aiokafka raises.

    Without `keys` the brokers are asked all the same, of a partition of `topic`: whether they answer is worth knowing.
    """
    async with asyncio.timeout(limit_s):
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(keys or [TopicPartition(topic, 0)])
    return ends


class Lag:
    """The lag of the owned partitions: records as Kafka's own tools count them, and seconds of audio.

    `known_since_s` (monotonic clock): since when the brokers have been telling it, look by look.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._shown = metrics.consumer_lag
        self.known_since_s = self._updated_at_s = -math.inf
        self.forget()

    def update(self, partitions: Mapping[TopicPartition, OwnedPartition], ends: Mapping[TopicPartition, int]) -> None:
        """`ends`: the offset behind each partition's newest record."""
        now_s = time.monotonic()
        if now_s - self._updated_at_s > GAP_S:
            self.known_since_s = now_s
        self._updated_at_s = now_s
        records: dict[tuple[str, int], int] = {}
        audio_s = 0.0
        for key, partition in partitions.items():
            behind = max(0, ends.get(key, partition.point.committed) - partition.point.committed)
            records[key.topic, key.partition] = behind
            audio_s += behind * partition.mean_record_s
        self._shown.know(records, audio_s)

    def forget(self) -> None:
        """The brokers do not tell it, or nobody asks them any more."""
        self._shown.forget()

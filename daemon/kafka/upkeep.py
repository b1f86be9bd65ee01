"""What time alone brings about: take-overs with nothing left to read, idle streams, the lag, what is too late."""

from __future__ import annotations

import asyncio
import logging
import time

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from daemon.kafka.lag import Lag, log_ends
from daemon.kafka.mending import AWAY
from daemon.kafka.ownership import Ownership
from daemon.kafka.partition import OwnedPartition
from daemon.kafka_settings import KafkaSourceSettings, Overload
from daemon.metrics import Metrics
from daemon.sources.status import SourceState, SourceStatus

log = logging.getLogger(__name__)
LOOK_S = 1.0  # between looks


class Upkeep:
    """Looks after a worker's partitions, beside the records that come. `limit_s`: for the brokers' answers."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        ownership: Ownership,
        settings: KafkaSourceSettings,
        status: SourceStatus,
        metrics: Metrics,
        limit_s: float,
    ) -> None:
        self._consumer, self._ownership, self._settings = consumer, ownership, settings
        self._status, self._metrics, self._limit_s = status, metrics, limit_s
        self._lag = Lag(metrics)

    async def regularly(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                await self._look()
        finally:
            self._forget()

    def rebuilt(self, partition: OwnedPartition) -> None:
        """All that came before the partition's start was read again."""
        partition.finish_rebuild()
        self._ownership.standing.of_log(partition.log).change(
            SourceState.RUNNING, f"it was taken over at {partition.start}"
        )
        took_s = time.monotonic() - self._ownership.assigned_at_s
        self._metrics.takeover_seconds.observe(took_s)
        log.info(
            "%s[%d]: %d streams taken over at offset %d in %.2f s",
            partition.log.topic, partition.log.partition, len(partition.runs.by_stream), partition.start, took_s,
        )  # fmt: skip

    async def _look(self) -> None:
        partitions = dict(self._ownership.partitions)
        try:
            ends = await log_ends(self._consumer, self._settings.topic, list(partitions), self._limit_s)
        except AWAY as error:
            self._status.change(SourceState.STALLED, f"the brokers do not answer ({error!r})")
            self._forget()
            return
        self._ownership.standing.ends = ends
        self._lag.update(self._ownership.partitions, ends)
        for key, partition in partitions.items():
            if self._ownership.partitions.get(key) is partition:
                await self._look_at(key, partition, ends[key])
        if partitions and self._ownership.assigned and all(not p.rebuilding for p in partitions.values()):
            self._status.change(SourceState.RUNNING, f"{len(partitions)} partitions")
        elif self._status.state is not SourceState.STARTING and not partitions:
            self._status.change(SourceState.STARTING, "no partition is this worker's just now")

    def _forget(self) -> None:
        """How long the log is, and so how far behind this worker is, is not known: no old figure stands for it."""
        self._ownership.standing.ends = {}
        self._lag.forget()

    async def _look_at(self, key: TopicPartition, partition: OwnedPartition, end: int) -> None:
        try:
            position = await self._consumer.position(key)
        except AWAY:  # revoked a moment ago
            return
        if partition.rebuilding and position >= partition.start and not partition.in_hand:
            self.rebuilt(partition)
        if partition.rebuilding:
            return
        await partition.close_idle(time.monotonic(), partition.point.next_offset >= end, self._lag.known_since_s)
        behind_s = (end - partition.point.next_offset) * partition.mean_record_s
        if self._settings.overload is Overload.SKIP and behind_s > self._settings.max_lag_s:
            self._skip(key, partition, end, behind_s)

    def _skip(self, key: TopicPartition, partition: OwnedPartition, end: int, behind_s: float) -> None:
        left_out = end - partition.point.next_offset
        log.warning(
            "%s[%d]: %.0f s of audio behind: %d records are left out", key.topic, key.partition, behind_s, left_out
        )
        self._metrics.skipped_records.inc(left_out)
        self._consumer.seek(key, end)
        partition.skip_to(end)

"""Which partitions are this worker's: handed over when the group is dealt out anew, taken over when it has been."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from daemon.kafka.parcel import Writer
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.resume import Plan
from daemon.kafka.takeover import TakeOver
from daemon.metrics import Metrics
from daemon.tagging import LogPartition

log = logging.getLogger(__name__)


class Delivery(Writer, Protocol):
    """How results and offsets reach the broker."""

    async def open(self, log_partition: LogPartition) -> None:
        """Be ready to write for a partition; fences its previous owner where delivery is exactly-once."""
        ...

    async def close(self, log_partition: LogPartition) -> None:
        """Write no more for a partition."""
        ...

    async def commit(self, consumer: AIOKafkaConsumer, partitions: Sequence[OwnedPartition]) -> None:
        """Commit what is done."""
        ...

    async def stop(self) -> None:
        """Let go of the broker."""
        ...


class Ownership(ConsumerRebalanceListener):
    """The listener of the group, and the partitions it was dealt. Nothing here awaits the consumer while it rejoins."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        delivery: Delivery,
        take_over: TakeOver,
        make: Callable[[LogPartition, Plan], OwnedPartition],
        metrics: Metrics,
        hand_over_s: float,
    ) -> None:
        """`hand_over_s`: the longest that finishing and committing may take in a rebalance."""
        self._consumer, self._delivery, self._take_over, self._make = consumer, delivery, take_over, make
        self._metrics, self._hand_over_s = metrics, hand_over_s
        self.partitions: dict[TopicPartition, OwnedPartition] = {}
        self._taking: asyncio.Task[None] | None = None
        self._taken: list[LogPartition] = []  # opened for writing
        self.assigned = 0
        self.assigned_at_s = time.monotonic()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group is about to be dealt out anew: finish, commit, let go."""
        if self.partitions or self._taking is not None:
            self._metrics.rebalances.inc()
        await self.hand_over(self._hand_over_s)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These are this worker's now: in the background, find out where to go on."""
        partitions = sorted(assigned)
        self._consumer.pause(*partitions)
        self.assigned, self.assigned_at_s = len(partitions), time.monotonic()
        self._taking = asyncio.create_task(self._take(partitions), name="take over")
        log.info("group: %d partitions are this worker's", len(partitions))

    def check(self) -> None:
        """Raises what a take-over failed with."""
        if self._taking is not None and self._taking.done() and not self._taking.cancelled():
            self._taking.result()

    async def commit(self) -> None:
        """Commit what is done; partitions that another worker writes for by now are let go of."""
        try:
            await self._delivery.commit(self._consumer, list(self.partitions.values()))
        except KafkaError as error:
            log.info("commit: %s; the group is being dealt out anew", error)
        for partition, owned in list(self.partitions.items()):
            if owned.fenced:
                await self._let_go(partition, owned)

    async def hand_over(self, limit_s: float) -> None:
        """Finish what is in flight, commit it, and own nothing any more; in `limit_s` seconds at most."""
        await self._stop_taking()
        deadline = time.monotonic() + limit_s
        owned = list(self.partitions.values())
        for partition in owned:
            partition.stopping = True
        await asyncio.gather(*(partition.in_flight.quiet(0.7 * limit_s) for partition in owned))
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.1, deadline - time.monotonic())):
                await self.commit()
        except TimeoutError:
            log.warning("hand-over: the commit did not end within %.1f s; some windows will be scored again", limit_s)
        for key, partition in list(self.partitions.items()):
            await self._let_go(key, partition)
        for log_partition in self._taken:
            await self._delivery.close(log_partition)
        self._taken.clear()

    async def _let_go(self, key: TopicPartition, partition: OwnedPartition) -> None:
        partition.let_go()
        del self.partitions[key]
        await self._delivery.close(partition.log)

    async def _take(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            log_partition = LogPartition(partition.topic, partition.partition)
            self._taken.append(log_partition)
            await self._delivery.open(log_partition)
        if not partitions:
            return
        plans = await self._take_over.plans(self._consumer, partitions)
        for partition, plan in plans.items():
            owned = self._make(LogPartition(partition.topic, partition.partition), plan)
            self.partitions[partition] = owned
            self._consumer.seek(partition, plan.bookmark.audio)
            if plan.bookmark.audio >= plan.committed:
                owned.finish_rebuild()
        self._consumer.resume(*partitions)
        self._metrics.owned_partitions.set(len(self.partitions))

    async def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])
            self._taking = None

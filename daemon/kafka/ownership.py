"""Which partitions are this worker's: handed over when the group is dealt out anew, taken over when it has been."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError
from aiokafka.structs import TopicPartition

from daemon.kafka.mending import AWAY, LASTING
from daemon.kafka.parcel import Writer
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.resume import Plan
from daemon.kafka.standing import Standing
from daemon.kafka.takeover import TakeOver
from daemon.metrics import Metrics
from daemon.sources.status import SourceState
from daemon.tagging import LogPartition

log = logging.getLogger(__name__)
AGAIN_S = 0.5  # before what failed is tried again


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
        session_s: float,
    ) -> None:
        """`hand_over_s`: the longest that finishing and committing may take in a rebalance; `session_s`: the group's
        session timeout, within which a worker that was thought dead hears of it.
        """
        self._consumer, self._delivery, self._take_over, self._make = consumer, delivery, take_over, make
        self._metrics, self._hand_over_s, self._session_s = metrics, hand_over_s, session_s
        self.partitions: dict[TopicPartition, OwnedPartition] = {}
        self.standing = Standing()
        self._taking: set[asyncio.Task[None]] = set()
        self._taken: set[LogPartition] = set()  # opened for writing
        self._dealt = 0  # how often all was handed over
        self.assigned = 0
        self.assigned_at_s = time.monotonic()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """The group is about to be dealt out anew: finish, commit, let go."""
        if self.partitions or self._taking:
            self._metrics.rebalances.inc()
        await self.hand_over(self._hand_over_s)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """These are this worker's now: in the background, find out where to go on."""
        partitions = sorted(assigned)
        self._consumer.pause(*partitions)
        self.assigned, self.assigned_at_s = len(partitions), time.monotonic()
        for key in partitions:
            self.standing.of(key).change(SourceState.STARTING, "it was dealt to this worker")
        self._begin(self._take(partitions))
        log.info("group: %d partitions are this worker's", len(partitions))

    def check(self) -> None:
        """Raises what a take-over failed with."""
        for task in [task for task in self._taking if task.done()]:
            self._taking.discard(task)
            if not task.cancelled():
                task.result()

    async def commit(self) -> None:
        """Commit what is done. Partitions that can be written for no more are let go of, and taken over anew.

        Another worker may own them by now: then the group tells this one before it tries.
        """
        dealt = self._dealt
        await self._commit()
        for key, owned in list(self.partitions.items()):
            if (owned.fenced or owned.broken) and self.partitions.get(key) is owned:
                with contextlib.suppress(IllegalStateError):  # the group is being dealt out anew
                    self._consumer.pause(key)
                why = "another worker has written for it" if owned.fenced else "its results could not be written"
                self.standing.of(key).change(SourceState.RETRYING, why)
                await self._let_go(key, owned)
                if dealt == self._dealt:
                    self._begin(self._take_again(key, self._session_s if owned.fenced else AGAIN_S))

    async def hand_over(self, limit_s: float) -> None:
        """Finish what is in flight, commit it, and own nothing any more; in `limit_s` seconds at most."""
        self._dealt += 1
        await self._stop_taking()
        deadline = time.monotonic() + limit_s
        owned = list(self.partitions.values())
        for partition in owned:
            partition.stopping = True
        await asyncio.gather(*(partition.in_flight.quiet(0.7 * limit_s) for partition in owned))
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.1, deadline - time.monotonic())):
                await self._commit()
        except TimeoutError:
            log.warning("hand-over: the commit did not end within %.1f s; some windows will be scored again", limit_s)
        for key in self.partitions:
            self.standing.of(key).change(SourceState.ENDED, "it was handed over")
        await asyncio.gather(*(self._let_go(key, partition) for key, partition in list(self.partitions.items())))
        await asyncio.gather(*(self._delivery.close(log_partition) for log_partition in self._taken))
        self._taken.clear()

    async def _commit(self) -> None:
        try:
            await self._delivery.commit(self._consumer, list(self.partitions.values()))
        except AWAY as error:
            log.info("commit: %s; the group is being dealt out anew", error)

    async def _let_go(self, key: TopicPartition, partition: OwnedPartition) -> None:
        partition.let_go()
        self.partitions.pop(key, None)
        self._metrics.owned_partitions.set(len(self.partitions))
        await self._delivery.close(partition.log)

    def _begin(self, taking: Coroutine[None, None, None]) -> None:
        self._taking.add(asyncio.create_task(taking, name="take over"))

    async def _take(self, partitions: Sequence[TopicPartition]) -> None:
        if not partitions:
            return
        await asyncio.gather(*(self._open(LogPartition(key.topic, key.partition)) for key in partitions))
        plans = await self._take_over.plans(self._consumer, partitions)
        for partition, plan in plans.items():
            owned = self._make(LogPartition(partition.topic, partition.partition), plan)
            self.partitions[partition] = owned
            self._consumer.seek(partition, plan.bookmark.audio)
            if plan.bookmark.audio >= plan.committed:
                owned.finish_rebuild()
                self.standing.of(partition).change(SourceState.RUNNING, f"it was taken over at {plan.committed}")
        self._consumer.resume(*partitions)
        self._metrics.owned_partitions.set(len(self.partitions))

    async def _take_again(self, partition: TopicPartition, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self.assigned_at_s = time.monotonic()
        await self._take([partition])
        log.info("%s[%d]: gone on with", partition.topic, partition.partition)

    async def _open(self, log_partition: LogPartition) -> None:
        """Open a partition for writing; tries until the cluster lets it."""
        self._taken.add(log_partition)
        while True:
            try:
                return await self._delivery.open(log_partition)
            except LASTING:
                raise
            except AWAY as error:
                log.warning("take-over: no writer for %s (%r); trying again", log_partition, error)
                await asyncio.sleep(AGAIN_S)

    async def _stop_taking(self) -> None:
        for task in self._taking:
            task.cancel()
        if self._taking:
            await asyncio.wait(self._taking)
        self._taking.clear()

"""Exactly once: results and offsets in one transaction, a transactional id an input partition.

The id is the fence: the partition's new owner opens it anew, and whoever had it before can write no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from aiokafka.structs import TopicPartition

from daemon.errors import SinkFailed
from daemon.kafka.at_least_once import OnFailure
from daemon.kafka.mending import Mending
from daemon.kafka.parcel import Parcel, Sender
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.producer import send, stop_producer
from daemon.metrics import Metrics
from daemon.tagging import LogPartition

log = logging.getLogger(__name__)
# (aiokafka's own name for a producer whose epoch is older than the broker's has changed over time: both are fences)
FENCED = (ProducerFenced, InvalidProducerEpoch)


@dataclass(slots=True)
class Outbox:
    """What waits for a partition's next transaction, and the one that is under way."""

    producer: AIOKafkaProducer
    parcels: deque[tuple[Sender, Parcel]] = field(default_factory=deque)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    committed_at_s: float = 0.0  # monotonic clock


class ExactlyOnce:
    """Gathers parcels, and writes them with the offsets that they reach.

    A transaction that fails may have been committed or not: only the log knows. The partition then begins anew from
    what stands there.
    """

    def __init__(
        self,
        make_producer: Callable[[str], AIOKafkaProducer],
        group: str,
        commit_interval_s: float,
        on_failure: OnFailure,
        metrics: Metrics,
    ) -> None:
        """`make_producer(transactional_id)` makes one that is not started; `commit_interval_s`: between commits of
        offsets that no result goes with.
        """
        self._make_producer, self._group, self._on_failure = make_producer, group, on_failure
        self._commit_interval_s, self._metrics = commit_interval_s, metrics
        self._outboxes: dict[LogPartition, Outbox] = {}
        self._mending: dict[LogPartition, Mending] = defaultdict(Mending)

    async def open(self, log_partition: LogPartition) -> None:
        """Take the partition's transactional id: ends whatever its previous owner had begun."""
        await self.close(log_partition)
        producer = self._make_producer(f"{self._group}-{log_partition.topic}-{log_partition.partition}")
        try:
            await producer.start()
        except BaseException:  # cancelled, or the brokers are away
            await stop_producer(producer)
            raise
        self._outboxes[log_partition] = Outbox(producer)

    async def close(self, log_partition: LogPartition) -> None:
        """Let go of the partition; what was not committed is its next owner's."""
        outbox = self._outboxes.pop(log_partition, None)
        if outbox is None:
            return
        for task in outbox.tasks:
            task.cancel()
        if outbox.tasks:
            await asyncio.wait(outbox.tasks)
        for partition, parcel in outbox.parcels:
            partition.give_up(parcel)
        outbox.parcels.clear()
        await stop_producer(outbox.producer)

    async def write(self, sender: Sender, parcel: Parcel) -> None:
        """Keep a parcel for the next transaction."""
        outbox = self._outboxes.get(sender.log)
        if outbox is None:  # the partition was let go of a moment ago
            sender.give_up(parcel)
            sender.done(parcel)
            return
        sender.done(parcel)
        outbox.parcels.append((sender, parcel))

    async def commit(self, consumer: AIOKafkaConsumer, partitions: Sequence[OwnedPartition]) -> None:
        """One transaction for each partition that has moved. Who is cancelled here leaves them to end by themselves."""
        tasks = []
        for partition in partitions:
            outbox = self._outboxes.get(partition.log)
            if outbox is not None and not partition.rebuilding:
                task = asyncio.create_task(self._commit(outbox, partition), name="transaction")
                outbox.tasks.add(task)
                task.add_done_callback(outbox.tasks.discard)
                tasks.append(task)
        if tasks:
            await asyncio.wait(tasks)

    async def stop(self) -> None:
        """Let go of every partition."""
        await asyncio.gather(*(self.close(log_partition) for log_partition in list(self._outboxes)))

    async def _commit(self, outbox: Outbox, partition: OwnedPartition) -> None:
        async with outbox.busy:
            if partition.lost or partition.fenced or partition.broken:
                return
            committed = partition.point.committable
            parcels = [parcel for _, parcel in outbox.parcels if parcel.ticket.offset < committed]
            idle_s = time.monotonic() - outbox.committed_at_s
            unmoved = committed == partition.point.committed
            if not parcels and (unmoved or (idle_s < self._commit_interval_s and not partition.stopping)):
                return
            where = f"{partition.log.topic}[{partition.log.partition}]"
            try:
                await self._transaction(outbox.producer, partition, parcels, committed)
            except FENCED as error:
                self._metrics.not_written(error)
                log.warning("%s has a new owner: what was not committed is his", where)
                partition.fenced = True
                return
            except Exception as error:  # aiokafka's errors, its assertions, the operating system's
                partition.broken = True
                self._metrics.not_written(error)
                if self._mending[partition.log].worth_while(error):
                    log.error("the transaction of %s failed (%r): going on from what stands in the log", where, error)
                else:
                    self._on_failure(SinkFailed(f"kafka: the transaction of {where} failed: {error!r}"))
                return
            self._mending[partition.log].succeeded()
            for parcel in parcels:
                outbox.parcels.popleft()
                partition.settled(parcel)
            partition.has_committed(committed)
            outbox.committed_at_s = time.monotonic()

    async def _transaction(
        self, producer: AIOKafkaProducer, partition: OwnedPartition, parcels: Sequence[Parcel], committed: int
    ) -> None:
        await producer.begin_transaction()
        sent = [[await send(producer, record) for record in parcel.records] for parcel in parcels]
        for parcel, futures in zip(parcels, sent, strict=True):
            metadata = await asyncio.gather(*futures)
            partition.logged(parcel, metadata[0].offset if metadata else -1)
        await producer.send_offsets_to_transaction(
            {
                TopicPartition(partition.log.topic, partition.log.partition): (
                    committed,
                    partition.bookmark(committed).encode(),
                )
            },
            self._group,
        )
        await producer.commit_transaction()

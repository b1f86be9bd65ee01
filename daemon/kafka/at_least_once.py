"""At least once: results leave as they come, by one idempotent producer; offsets follow what was acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from weakref import WeakSet

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from daemon.errors import GenredError, SinkFailed
from daemon.kafka.mending import Mending
from daemon.kafka.parcel import Parcel, Sender
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.producer import send, stop_producer
from daemon.metrics import Metrics
from daemon.tagging import LogPartition

log = logging.getLogger(__name__)
OnFailure = Callable[[GenredError], None]


class AtLeastOnce:
    """Writes parcels at once and settles them when the broker says so. `on_failure` hears what cannot be mended.

    A record that is given up leaves a hole that the producer cannot fill: every partition then begins anew at its
    commit, with a new producer.
    """

    def __init__(self, make_producer: Callable[[], AIOKafkaProducer], on_failure: OnFailure, metrics: Metrics) -> None:
        """`make_producer()` makes one that is not started."""
        self._make_producer, self._on_failure, self._metrics = make_producer, on_failure, metrics
        self._producer: AIOKafkaProducer | None = None
        self._opening, self._committing = asyncio.Lock(), asyncio.Lock()
        self._broken: WeakSet[Sender] = WeakSet()
        self._mending = Mending()

    async def open(self, log: LogPartition) -> None:
        """Have a producer that works."""
        async with self._opening:
            if self._producer is not None:
                return
            producer = self._make_producer()
            try:
                await producer.start()
            except BaseException:
                await stop_producer(producer)
                raise
            self._producer = producer

    async def close(self, log: LogPartition) -> None:
        """Nothing is kept for a partition."""

    async def write(self, sender: Sender, parcel: Parcel) -> None:
        """Send a parcel; waits only while the producer's buffer is full."""
        producer = self._producer
        if producer is None or sender in self._broken:
            _give_up(sender, parcel)
            self._broken.add(sender)
            return
        try:
            sent = [await send(producer, record) for record in parcel.records]
        except Exception as error:  # aiokafka's errors and the operating system's
            _give_up(sender, parcel)
            self._failed(sender, producer, error)
            return
        if not sent:
            sender.logged(parcel, -1)
            _settle(sender, parcel)
            return
        left = len(sent)

        def acknowledged(future: asyncio.Future[RecordMetadata]) -> None:
            nonlocal left
            error = asyncio.CancelledError() if future.cancelled() else future.exception()
            if left <= 0:  # given up already
                return
            if error is not None:
                left = 0
                _give_up(sender, parcel)
                self._failed(sender, producer, error)
                return
            left -= 1
            if future is sent[0]:
                sender.logged(parcel, future.result().offset)
            if not left:
                self._mending.succeeded()
                _settle(sender, parcel)

        for future in sent:
            future.add_done_callback(acknowledged)

    async def commit(self, consumer: AIOKafkaConsumer, partitions: Sequence[OwnedPartition]) -> None:
        """Commit what is done. Raises aiokafka's errors: a rebalance, say, after which others own the partitions."""
        for partition in partitions:
            partition.broken |= self._producer is None or partition in self._broken
        async with self._committing:  # one that is tried again must not come behind a newer one
            points = {
                partition: partition.point.committable
                for partition in partitions
                if not (partition.rebuilding or partition.lost or partition in self._broken)
            }
            offsets = {
                TopicPartition(partition.log.topic, partition.log.partition): OffsetAndMetadata(
                    offset, partition.bookmark(offset).encode()
                )
                for partition, offset in points.items()
            }
            if offsets:
                await consumer.commit(offsets)
                for partition, offset in points.items():
                    partition.has_committed(offset)

    async def stop(self) -> None:
        """Send what is left and let go of the producer."""
        if self._producer is not None:
            await stop_producer(self._producer)

    def _failed(self, sender: Sender, producer: AIOKafkaProducer, error: BaseException) -> None:
        """The sender's partition cannot be committed any further: its records begin anew, by another producer."""
        self._broken.add(sender)
        if producer is not self._producer:
            return
        self._producer = None
        self._metrics.not_written(error)
        self._letting_go = asyncio.create_task(stop_producer(producer), name="let go of a producer")
        if self._mending.worth_while(error):
            log.error("results were not taken (%r): a new producer goes on from the last commit", error)
        else:
            self._on_failure(SinkFailed(f"kafka: results cannot be written: {error!r}"))


def _settle(sender: Sender, parcel: Parcel) -> None:
    sender.done(parcel)
    sender.settled(parcel)


def _give_up(sender: Sender, parcel: Parcel) -> None:
    sender.give_up(parcel)
    sender.done(parcel)

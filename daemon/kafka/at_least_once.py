"""At least once: results leave as they come, by one idempotent producer; offsets follow what was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from daemon.errors import GenredError, SinkFailed
from daemon.kafka.parcel import Parcel, Sender
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.producer import send
from daemon.tagging import LogPartition

OnFailure = Callable[[GenredError], None]


class AtLeastOnce:
    """Writes parcels at once and settles them when the broker says so. `on_failure` hears what cannot be mended."""

    def __init__(self, producer: AIOKafkaProducer, on_failure: OnFailure) -> None:
        self._producer, self._on_failure = producer, on_failure

    async def open(self, log: LogPartition) -> None:
        """Nothing is kept for a partition."""

    async def close(self, log: LogPartition) -> None:
        """Nothing is kept for a partition."""

    async def write(self, sender: Sender, parcel: Parcel) -> None:
        """Send a parcel; waits only while the producer's buffer is full."""
        try:
            sent = [await send(self._producer, record) for record in parcel.records]
        except Exception as error:  # aiokafka's errors and the operating system's
            self._on_failure(SinkFailed(f"kafka: results cannot be written: {error}"))
            return
        if not sent:
            sender.logged(parcel, -1)
            _settle(sender, parcel)
            return
        left = len(sent)

        def acknowledged(future: asyncio.Future[RecordMetadata]) -> None:
            nonlocal left
            left -= 1
            if future.cancelled() or future.exception() is not None:
                if not future.cancelled():
                    self._on_failure(SinkFailed(f"kafka: results were not acknowledged: {future.exception()!r}"))
                return
            if future is sent[0]:
                sender.logged(parcel, future.result().offset)
            if not left:
                _settle(sender, parcel)

        for future in sent:
            future.add_done_callback(acknowledged)

    async def commit(self, consumer: AIOKafkaConsumer, partitions: Sequence[OwnedPartition]) -> None:
        """Commit what is done. Raises aiokafka's errors: a rebalance, say, after which others own the partitions."""
        points = {partition: partition.point.committable for partition in partitions if not partition.rebuilding}
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
        await self._producer.stop()


def _settle(sender: Sender, parcel: Parcel) -> None:
    sender.done(parcel)
    sender.settled(parcel)

"""Results of other sources into Kafka's topics; a result counts as delivered when the broker has acknowledged it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from daemon.errors import KafkaUnavailable, SinkFailed
from daemon.kafka.connection import connection_options
from daemon.kafka.output_record import OutputRecord, OutputTopics, tags_record, window_record
from daemon.kafka.producer import make_producer, send
from daemon.kafka.ready import check_topics
from daemon.kafka_settings import KafkaSettings
from daemon.messages import Result, WindowTags


class KafkaSink:
    """One idempotent producer; records of a stream keep their order."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._topics = OutputTopics(kafka.windows_topic, kafka.tags_topic, kafka.dead_letter_topic)
        self._producer: AIOKafkaProducer | None = None

    async def write(self, results: Sequence[Result]) -> None:
        """Send `results` and wait for their acknowledgement. SinkFailed; KafkaUnavailable when there is no cluster."""
        producer = await self._started()
        try:
            sent = [await send(producer, self._record(result)) for result in results]
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise SinkFailed(f"kafka: results cannot be written: {error!r}") from error

    async def close(self) -> None:
        """Let go of the cluster; everything was acknowledged."""
        if self._producer is not None:
            await self._producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            await check_topics(self._kafka, None)
            producer = make_producer(connection_options(self._kafka), self._kafka)
            try:
                await producer.start()
            except KafkaError as error:
                raise KafkaUnavailable(f"kafka: {error}") from error
            self._producer = producer
        return self._producer

    def _record(self, result: Result) -> OutputRecord:
        return (
            window_record(result, self._topics) if isinstance(result, WindowTags) else tags_record(result, self._topics)
        )

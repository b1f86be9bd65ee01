"""Results of other sources into Kafka's topics; a result counts as delivered when the broker has acknowledged it.

While brokers are away results wait, and with them whoever would bring more: the engine's queue fills, finite sources
wait, live ones drop their oldest audio and count it. So nothing grows, and nothing is lost in silence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from daemon.errors import KafkaUnavailable, SinkFailed
from daemon.kafka.connection import connection_options
from daemon.kafka.lag import SILENT_S
from daemon.kafka.mending import AWAY, LASTING, Mending, goes_away
from daemon.kafka.output_record import OutputRecord, OutputTopics, tags_record, window_record
from daemon.kafka.producer import make_producer, send, stop_producer
from daemon.kafka.ready import check_topics
from daemon.kafka_settings import KafkaSettings
from daemon.messages import Result, WindowTags
from daemon.metrics import Metrics

log = logging.getLogger(__name__)
ASK_AGAIN_S = 1.0


class KafkaSink:
    """One idempotent producer; records of a stream keep their order.

    A record that the producer gives up leaves a hole that it cannot fill: a new one goes on from there.
    `trouble`: why results wait; None while they are taken.
    """

    def __init__(self, kafka: KafkaSettings, metrics: Metrics) -> None:
        self.trouble: str | None = None
        self._kafka, self._metrics = kafka, metrics
        self._topics = OutputTopics(kafka.windows_topic, kafka.tags_topic, kafka.dead_letter_topic)
        self._producer: AIOKafkaProducer | None = None
        self._found = False  # the cluster, once: from then on it is waited for
        self._mending = Mending()

    async def write(self, results: Sequence[Result]) -> None:
        """Send `results` and wait until they are acknowledged, for as long as brokers are away.

        SinkFailed for what no waiting mends; KafkaUnavailable when there is no cluster the first time.
        """
        if not self._found:
            await self._find()
        left = [self._record(result) for result in results]
        late = asyncio.get_running_loop().call_later(SILENT_S, self._say_late)
        try:
            while True:
                left = await self._refused(left)
                if not left:
                    break
                await asyncio.sleep(ASK_AGAIN_S)
        finally:
            late.cancel()
        if self.trouble is not None:
            self.trouble = None
            log.info("kafka: results are taken again")

    async def close(self) -> None:
        """Let go of the cluster; everything was acknowledged."""
        if self._producer is not None:
            await stop_producer(self._producer)

    async def _find(self) -> None:
        await check_topics(self._kafka, None)
        self._options = connection_options(self._kafka)
        try:
            await self._open()
        except KafkaError as error:
            raise KafkaUnavailable(f"kafka: {error}") from error
        self._found = True

    async def _open(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = make_producer(self._options, self._kafka)
            try:
                await producer.start()
            except BaseException:
                await stop_producer(producer)
                raise
            self._producer = producer
        return self._producer

    async def _refused(self, records: Sequence[OutputRecord]) -> list[OutputRecord]:
        """Send `records`; those that were not taken, in their order. SinkFailed where to try again is no use."""
        sent: list[asyncio.Future[RecordMetadata]] = []
        errors: list[BaseException] = []
        try:
            producer = await self._open()
            for record in records:
                sent.append(await send(producer, record))  # those before one that fails count
        except AWAY as error:
            errors.append(error)
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        errors[:0] = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if not errors:
            self._mending.succeeded()
            return []
        await self._let_go()
        self._judge(errors)
        taken = {place for place, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)}
        return [record for place, record in enumerate(records) if place not in taken]

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer)

    def _judge(self, errors: Sequence[BaseException]) -> None:
        """SinkFailed unless waiting, or a new producer, may help."""
        worst = next((error for error in errors if isinstance(error, LASTING)), errors[0])
        self._metrics.not_written(worst)
        if isinstance(worst, LASTING) or not (goes_away(worst) or self._mending.worth_while(worst)):
            raise SinkFailed(f"kafka: results cannot be written: {worst!r}") from worst
        log.warning("kafka: results were not taken (%r); trying again", worst)

    def _say_late(self) -> None:
        self.trouble = f"kafka: the brokers have not taken results for {SILENT_S:g} s"
        log.warning("%s; they wait, and live audio is dropped when there is no more room", self.trouble)

    def _record(self, result: Result) -> OutputRecord:
        return (
            window_record(result, self._topics) if isinstance(result, WindowTags) else tags_record(result, self._topics)
        )

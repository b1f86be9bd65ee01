"""Audio from a Kafka topic: this worker's share of it, as the consumer group deals it out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError

from daemon.errors import BadRecord, GenredError, KafkaUnavailable, RecordFault, SinkFailed
from daemon.kafka.at_least_once import AtLeastOnce
from daemon.kafka.connection import connection_options
from daemon.kafka.consumer import make_consumer
from daemon.kafka.exactly_once import ExactlyOnce
from daemon.kafka.input_record import AudioRecord, EndRecord, InputRecord, InputRules, is_container, parse_record
from daemon.kafka.lag import SILENT_S
from daemon.kafka.mending import AWAY, Mending
from daemon.kafka.output_record import OutputTopics
from daemon.kafka.ownership import Delivery, Ownership
from daemon.kafka.parcel import Terms
from daemon.kafka.partition import OwnedPartition
from daemon.kafka.producer import make_producer
from daemon.kafka.ready import check_topics
from daemon.kafka.score_log import ScoreLog
from daemon.kafka.takeover import TakeOver
from daemon.kafka.upkeep import Upkeep
from daemon.kafka_settings import Delivery as DeliveryKind
from daemon.kafka_settings import KafkaSettings, KafkaSourceSettings
from daemon.pipeline import Pipeline
from daemon.sources.status import SourceStatus
from daemon.tagging import LogPartition

log = logging.getLogger(__name__)
POLL_MS = 200
MAX_RECORDS = 500  # worked on before the other partitions, and everybody else, have their turn
HAND_OVER_SHARE = 0.3  # of max_poll_interval_s: the most that finishing takes in a rebalance
ASK_AGAIN_S = 1.0
DRAIN_SHARE = 0.6  # of the daemon's drain: the most that finishing takes


class KafkaSource:
    """One member of the consumer group."""

    live = True

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: KafkaSourceSettings,
        rules: InputRules,
        horizon_s: float,
        drain_timeout_s: float,
    ) -> None:
        """`horizon_s`: how far back the aggregates look; `drain_timeout_s`: the daemon's."""
        self.status = SourceStatus(f"kafka:{settings.topic}", "kafka", log=log, parts=self._partitions)
        self._kafka, self._settings, self._rules = kafka, settings, rules
        self._topics = OutputTopics(kafka.windows_topic, kafka.tags_topic, kafka.dead_letter_topic)
        self._terms = Terms(self._topics, settings.idle_s, horizon_s)
        self._drain_s = DRAIN_SHARE * drain_timeout_s
        self._ownership: Ownership | None = None

    @property
    def pending_s(self) -> float:
        """Received seconds that are not with the engine yet, nor lost."""
        return sum(partition.pending_s for partition in self._owned)

    @property
    def live_streams(self) -> int:
        """Streams with an open run."""
        return sum(len(partition.runs.by_stream) for partition in self._owned)

    async def feed_into(self, pipeline: Pipeline) -> None:
        """Work until cancelled; then finish what is in flight, commit, and leave the group."""
        pipeline.others.append(self)
        await check_topics(self._kafka, self._settings.topic)
        self._pipeline = pipeline
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        options = connection_options(self._kafka)
        self._consumer = make_consumer(options, self._settings)
        self._delivery = await self._make_delivery(options)
        score_log = ScoreLog(self._topics.windows, options, self._settings.delivery is DeliveryKind.EXACTLY_ONCE)
        take_over = TakeOver(self._settings, options, score_log, pipeline.metrics)
        self._ownership = Ownership(
            self._consumer,
            self._delivery,
            take_over,
            lambda log_partition, plan: OwnedPartition(log_partition, plan, pipeline, self._terms, self._delivery),
            pipeline.metrics,
            HAND_OVER_SHARE * self._settings.max_poll_interval_s,
            self._settings.session_timeout_s,
        )
        limit_s = min(self._kafka.request_timeout_s, SILENT_S)
        self._upkeep = Upkeep(self._consumer, self._ownership, self._settings, self.status, pipeline.metrics, limit_s)
        try:
            await self._consumer.start()
            self._consumer.subscribe([self._settings.topic], listener=self._ownership)
            await self._work()
        except (KafkaError, OSError) as error:
            raise SinkFailed(f"kafka: {error!r}") from error
        finally:
            await self._stop()

    def _partitions(self) -> list[dict[str, Any]]:
        """The rows of `/status`."""
        return [] if self._ownership is None else self._ownership.standing.as_json(self._ownership.partitions)

    @property
    def _owned(self) -> Sequence[OwnedPartition]:
        return [] if self._ownership is None else list(self._ownership.partitions.values())

    async def _work(self) -> None:
        tasks = {
            asyncio.create_task(self._poll(), name="kafka poll"),
            asyncio.create_task(self._commit_regularly(), name="kafka commit"),
            asyncio.create_task(self._upkeep.regularly(), name="kafka upkeep"),
        }
        try:
            done, _ = await asyncio.wait({*tasks, self._failure}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _poll(self) -> None:
        """Records in, partition by partition; waits wherever the engine is full, so nothing piles up."""
        assert self._ownership is not None
        mending = Mending()
        while True:
            self._ownership.check()
            try:
                batches = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            except UnicodeDecodeError:  # a header's name, which aiokafka decodes: it loses all that it had in hand
                await self._step_over_unreadable()
                continue
            except AWAY as error:  # of a group that cannot be joined just now, say
                if not mending.worth_while(error):
                    raise
                log.warning("no records from the brokers (%r); asking again", error)
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            mending.succeeded()
            # Whose they are is settled now: while one batch waits, a partition may be revoked and taken over again, and
            # its next owner in this process begins elsewhere.
            owned = self._ownership.partitions
            mine = [(owned[key], records) for key, records in batches.items() if key in owned]
            for partition, _ in mine:
                partition.in_hand = True
            for partition, records in mine:
                await self._take(partition, records)
            await asyncio.sleep(0)  # when there is a backlog, nothing above need have waited

    async def _step_over_unreadable(self) -> None:
        """Read on record by record, from where each partition was, to the one that cannot be read; refuse it."""
        assert self._ownership is not None
        for key, partition in self._ownership.partitions.items():
            self._consumer.seek(key, partition.next_read)
        for _ in range(MAX_RECORDS):  # it may be another worker's by now
            for key, partition in list(self._ownership.partitions.items()):
                try:
                    batches = await self._consumer.getmany(key, timeout_ms=POLL_MS, max_records=1)
                except UnicodeDecodeError:
                    offset = partition.next_read
                    log.warning("%s[%d]@%d: a header's name is not UTF-8", key.topic, key.partition, offset)
                    self._consumer.seek(key, offset + 1)
                    if partition.rebuilding and offset < partition.start:
                        partition.next_read = offset + 1
                    else:
                        lost = InputRecord(key.topic, key.partition, offset, -1, None, None, ())
                        await partition.refuse(lost, BadRecord(RecordFault.HEADER, "a header's name is not UTF-8"))
                    return
                for records in batches.values():
                    await self._take(partition, records)

    async def _take(self, partition: OwnedPartition, records: Sequence[Any]) -> None:
        partition.in_hand = True
        for raw in records:
            if partition.stopping or partition.lost:
                return
            record = InputRecord(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, raw.headers)
            replayed = record.offset < partition.start
            if partition.rebuilding and not replayed:
                self._upkeep.rebuilt(partition)
            try:
                parsed = await self._parsed(record)
                if replayed:
                    partition.replay(parsed, record.offset)
                else:
                    await partition.take(parsed, record.offset)
            except BadRecord as error:
                if not replayed:
                    await partition.refuse(record, error)
            partition.next_read = record.offset + 1
        partition.in_hand = False
        if records and not partition.rebuilding:
            assert self._ownership is not None
            self._ownership.standing.of_log(partition.log).heard()
            self.status.heard()

    async def _parsed(self, record: InputRecord) -> AudioRecord | EndRecord:
        if is_container(record, self._rules):
            return await asyncio.to_thread(parse_record, record, self._rules)
        return parse_record(record, self._rules)

    async def _commit_regularly(self) -> None:
        assert self._ownership is not None
        exactly = self._settings.delivery is DeliveryKind.EXACTLY_ONCE
        interval_s = self._settings.transaction_interval_s if exactly else self._settings.commit_interval_s
        while True:
            await asyncio.sleep(interval_s)
            await self._ownership.commit()

    async def _stop(self) -> None:
        """Finish, commit, leave the group."""
        if self._ownership is not None:
            await self._ownership.hand_over(self._drain_s)
        for stop in (self._consumer.stop, self._delivery.stop):
            with contextlib.suppress(*AWAY):
                async with asyncio.timeout(self._drain_s):
                    await stop()

    def _fail(self, error: GenredError) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    async def _make_delivery(self, options: dict[str, Any]) -> Delivery:
        if self._settings.delivery is DeliveryKind.EXACTLY_ONCE:
            return ExactlyOnce(
                lambda name: make_producer(options, self._kafka, transactional_id=name),
                self._settings.group,
                self._settings.commit_interval_s,
                self._fail,
                self._pipeline.metrics,
            )
        delivery = AtLeastOnce(lambda: make_producer(options, self._kafka), self._fail, self._pipeline.metrics)
        try:
            await delivery.open(LogPartition(self._settings.topic, 0))
        except KafkaError as error:
            raise KafkaUnavailable(f"kafka: {error}") from error
        return delivery

"""Takes partitions over: fence the previous owner, ask where it stopped, and read what it left in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from daemon.kafka.bookmark import Bookmark, decode_bookmark
from daemon.kafka.resume import Plan
from daemon.kafka.score_log import ScoreLog
from daemon.kafka_settings import KafkaSourceSettings
from daemon.metrics import Metrics

log = logging.getLogger(__name__)
RETRY_S = 0.2
UNKNOWN_OFFSET = -1


class TakeOver:
    """Finds out where partitions are to be gone on with."""

    def __init__(
        self, settings: KafkaSourceSettings, options: dict[str, Any], score_log: ScoreLog, metrics: Metrics
    ) -> None:
        self._settings, self._options, self._score_log, self._metrics = settings, options, score_log, metrics

    async def plans(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Plan]:
        """A plan for each partition; asks until the cluster answers."""
        while True:
            try:
                return await self._plans(consumer, partitions)
            except (KafkaError, OSError) as error:
                log.warning("take-over: the cluster does not answer (%r); asking again", error)
                await asyncio.sleep(RETRY_S)

    async def _plans(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Plan]:
        oldest, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        commits = await self._commits(partitions)
        points = {
            partition: self._point(partition, commits.get(partition), oldest[partition], ends[partition])
            for partition in partitions
        }
        starts = {partition.partition: bookmark.windows for partition, (_, bookmark) in points.items()}
        scores = await self._score_log.read(starts)
        return {
            partition: Plan(committed, bookmark, *scores[partition.partition])
            for partition, (committed, bookmark) in points.items()
        }

    async def _commits(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """The group's offsets with their metadata, which the consumer itself would not show."""
        admin = AIOKafkaAdminClient(**self._options)
        await admin.start()
        try:
            return await admin.list_consumer_group_offsets(self._settings.group, partitions=list(partitions))
        finally:
            await admin.close()

    def _point(
        self, partition: TopicPartition, commit: OffsetAndMetadata | None, oldest: int, end: int
    ) -> tuple[int, Bookmark]:
        """The first record to work on, and from where to read before it."""
        where = f"{partition.topic}[{partition.partition}]"
        if commit is None or commit.offset == UNKNOWN_OFFSET:
            start = oldest if self._settings.start == "earliest" else end
            self._metrics.takeovers.labels("none").inc()
            log.info("%s: no commit yet; starting at the %s record, offset %d", where, self._settings.start, start)
            return start, Bookmark(start, 0)
        bookmark = decode_bookmark(commit.metadata)
        if commit.offset < oldest or commit.offset > end:
            start = oldest if commit.offset < oldest else end
            self._metrics.takeovers.labels("cut").inc()
            log.error(
                "%s: the committed offset %d is not in the topic any more (%d to %d): going on at %d, the audio "
                "between is lost; raise the topic's retention",
                where, commit.offset, oldest, end, start,
            )  # fmt: skip
            return start, Bookmark(start, 0 if bookmark is None else bookmark.windows)
        if bookmark is None:
            self._metrics.takeovers.labels("none").inc()
            log.warning("%s: the commit at %d is not genred's: streams are joined where they are", where, commit.offset)
            return commit.offset, Bookmark(commit.offset, 0)
        if bookmark.audio < oldest:
            self._metrics.takeovers.labels("cut").inc()
            log.warning(
                "%s: records from %d are needed to go on, but the topic begins at %d: windows that need them are "
                "missing; raise the topic's retention",
                where, bookmark.audio, oldest,
            )  # fmt: skip
            return commit.offset, Bookmark(oldest, bookmark.windows, bookmark.closed_before)
        self._metrics.takeovers.labels("whole").inc()
        return commit.offset, bookmark

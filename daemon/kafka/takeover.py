"""Takes partitions over: fence the previous owner, ask where it stopped, and read what it left in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from daemon.kafka.bookmark import Bookmark, decode_bookmark
from daemon.kafka.mending import AWAY, LASTING
from daemon.kafka.resume import Plan
from daemon.kafka.score_log import ScoreLog
from daemon.kafka_settings import KafkaSourceSettings
from daemon.metrics import Metrics

log = logging.getLogger(__name__)
RETRY_S = 0.2
UNKNOWN_OFFSET = -1
WHOLE, CUT, NONE = "whole", "cut", "none"  # a partition's past: how much of it is there


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
            except LASTING:
                raise
            except AWAY as error:
                log.warning("take-over: the cluster does not answer (%r); asking again", error)
                await asyncio.sleep(RETRY_S)

    async def _plans(
        self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, Plan]:
        oldest, ends = await asyncio.gather(consumer.beginning_offsets(partitions), consumer.end_offsets(partitions))
        commits = await self._commits(partitions)
        points = {
            partition: self._point(partition, commits[partition], oldest[partition], ends[partition])
            for partition in partitions
        }
        starts = {partition.partition: bookmark.windows for partition, (_, bookmark, _) in points.items()}
        scores = await self._score_log.read(starts)
        for _, _, past in points.values():  # not before: what fails until here is tried again
            self._metrics.takeovers.labels(past).inc()
        return {
            partition: Plan(committed, bookmark, *scores[partition.partition], cut=past == CUT)
            for partition, (committed, bookmark, past) in points.items()
        }

    async def _commits(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """The group's offsets with their metadata, which the consumer itself would not show.

        (aiokafka's admin client takes a coordinator's "not now" for a group without commits.)
        """
        client = AIOKafkaClient(**self._options)
        try:
            await client.bootstrap()
            node = await client.coordinator_lookup(CoordinationType.GROUP, self._settings.group)
            topic = partitions[0].topic
            request = OffsetFetchRequest(self._settings.group, [(topic, [key.partition for key in partitions])])
            answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
            codes = [answer.error_code, *(row[3] for _, rows in answer.topics for row in rows)]
            for code in codes:
                if code:
                    raise for_code(code)(f"the offsets of group {self._settings.group}")
            return {
                TopicPartition(topic, partition): OffsetAndMetadata(offset, metadata)
                for topic, rows in answer.topics
                for partition, offset, metadata, _ in rows
            }
        finally:
            await client.close()

    def _point(
        self, partition: TopicPartition, commit: OffsetAndMetadata, oldest: int, end: int
    ) -> tuple[int, Bookmark, str]:
        """The first record to work on, from where to read before it, and how much of the past is there."""
        where = f"{partition.topic}[{partition.partition}]"
        if commit.offset == UNKNOWN_OFFSET:
            start = oldest if self._settings.start == "earliest" else end
            log.info("%s: no commit yet; starting at the %s record, offset %d", where, self._settings.start, start)
            return start, Bookmark(start, 0), NONE
        bookmark = decode_bookmark(commit.metadata)
        if commit.offset < oldest or commit.offset > end:
            start = oldest if commit.offset < oldest else end
            log.error(
                "%s: the committed offset %d is not in the topic any more (%d to %d): going on at %d, the audio "
                "between is lost; raise the topic's retention",
                where, commit.offset, oldest, end, start,
            )  # fmt: skip
            return start, Bookmark(start, 0 if bookmark is None else bookmark.windows), CUT
        if bookmark is None:
            log.warning("%s: the commit at %d is not genred's: streams are joined where they are", where, commit.offset)
            return commit.offset, Bookmark(commit.offset, 0), NONE
        if bookmark.audio < oldest:
            log.warning(
                "%s: records from %d are needed to go on, but the topic begins at %d: windows that need them are "
                "missing; raise the topic's retention",
                where, bookmark.audio, oldest,
            )  # fmt: skip
            return commit.offset, replace(bookmark, audio=oldest), CUT
        return commit.offset, bookmark, WHOLE

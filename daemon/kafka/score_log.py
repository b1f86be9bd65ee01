"""Reads a stretch of the windows topic: what was published before, for a new owner's aggregates."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from daemon.kafka.output_record import parse_window
from daemon.kafka.resume import LoggedWindow

log = logging.getLogger(__name__)
POLL_MS = 500


class ScoreLog:
    """One reader of the windows topic, outside any group. `committed_only`: as exactly-once delivery needs it."""

    def __init__(self, topic: str, options: dict[str, Any], committed_only: bool) -> None:
        self._topic = topic
        self._options = options
        self._isolation = "read_committed" if committed_only else "read_uncommitted"

    async def read(self, starts: dict[int, int]) -> dict[int, tuple[Sequence[LoggedWindow], int]]:
        """Windows by partition from `starts` (partition -> offset) to the present end; and that end.

        An offset that is gone (retention) reads from the oldest that is there.
        """
        consumer = AIOKafkaConsumer(
            **self._options,
            group_id=None,
            enable_auto_commit=False,
            isolation_level=self._isolation,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(self._topic, partition) for partition in starts]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            oldest = await consumer.beginning_offsets(partitions)
            found: dict[int, list[LoggedWindow]] = {partition: [] for partition in starts}
            left = set()
            for partition in partitions:
                start = max(starts[partition.partition], oldest[partition])
                consumer.seek(partition, start)
                if start < ends[partition]:
                    left.add(partition)
            consumer.pause(*(set(partitions) - left))
            while left:
                for partition, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    found[partition.partition] += _windows(records, ends[partition])
                for partition in list(left):
                    if await consumer.position(partition) >= ends[partition]:
                        left.discard(partition)
                        consumer.pause(partition)
            return {
                partition: (windows, ends[TopicPartition(self._topic, partition)])
                for partition, windows in found.items()
            }
        finally:
            await consumer.stop()


def _windows(records: Sequence[Any], end: int) -> list[LoggedWindow]:
    windows = []
    for record in records:
        if record.value is None or record.offset >= end:
            continue
        try:
            result = parse_window(record.value)
        except ValueError as error:
            log.warning("%s[%d]@%d is not a window of genred: %s", record.topic, record.partition, record.offset, error)
            continue
        if result.source is not None:
            windows.append(LoggedWindow(record.offset, result))
    return windows

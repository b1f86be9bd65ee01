"""How the partitions of a worker fare: the rows of `/status`, kept when a partition comes and goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiokafka.structs import TopicPartition

from daemon.kafka.partition import OwnedPartition
from daemon.sources.status import SourceState, SourceStatus
from daemon.tagging import LogPartition


class Standing:
    """A status for every partition that was ever this worker's: as many as its topic has at most."""

    def __init__(self) -> None:
        self._statuses: dict[TopicPartition, SourceStatus] = {}
        self.ends: Mapping[TopicPartition, int] = {}  # the offset behind each newest record, when last asked

    def of(self, key: TopicPartition) -> SourceStatus:
        """The partition's status."""
        status = self._statuses.get(key)
        if status is None:
            name = f"{key.topic}[{key.partition}]"
            status = SourceStatus(name, "partition", SourceState.ENDED, quiet=True)
            self._statuses[key] = status
        return status

    def of_log(self, log: LogPartition) -> SourceStatus:
        """The same, by the partition's other name."""
        return self.of(TopicPartition(log.topic, log.partition))

    def as_json(self, owned: Mapping[TopicPartition, OwnedPartition]) -> list[dict[str, Any]]:
        """The partitions' objects in `/status`; `owned` are this worker's now."""
        return [
            {"partition": key.partition, **self._place(key, owned.get(key)), **self._statuses[key].as_json()}
            for key in sorted(self._statuses)
        ]

    def _place(self, key: TopicPartition, partition: OwnedPartition | None) -> dict[str, Any]:
        """Where an owned partition is in its log; the lag as Kafka's own tools count it."""
        if partition is None:
            return {"owned": False}
        end, committed = self.ends.get(key), partition.point.committed
        lag = None if end is None else max(0, end - committed)
        return {
            "owned": True,
            "position": partition.next_read,
            "committed": committed,
            "end": end,
            "lag_records": lag,
            "lag_seconds": None if lag is None else round(lag * partition.mean_record_s, 3),
            "streams": len(partition.runs.by_stream),
        }

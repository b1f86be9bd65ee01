"""How far behind the log this worker is."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from daemon.kafka.partition import OwnedPartition
from daemon.metrics import Metrics


class Lag:
    """The lag of the owned partitions: records as Kafka's own tools count them, and seconds of audio."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown: set[TopicPartition] = set()
        self.seconds = 0.0

    def update(self, partitions: Mapping[TopicPartition, OwnedPartition], ends: Mapping[TopicPartition, int]) -> None:
        """`ends`: the offset behind each partition's newest record."""
        self.seconds = 0.0
        for key, partition in partitions.items():
            records = max(0, ends.get(key, partition.point.committed) - partition.point.committed)
            self._metrics.consumer_lag_records.labels(key.topic, key.partition).set(records)
            self.seconds += records * partition.mean_record_s
        for gone in self._shown - set(partitions):
            self._metrics.consumer_lag_records.remove(gone.topic, gone.partition)
        self._shown = set(partitions)
        self._metrics.consumer_lag_audio_seconds.set(self.seconds)

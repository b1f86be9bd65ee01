"""The consumer of the input topic: one member of its group."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from daemon.kafka_settings import KafkaSourceSettings


def make_consumer(options: dict[str, Any], settings: KafkaSourceSettings) -> AIOKafkaConsumer:
    """A consumer that is not started and commits nothing by itself. `options`: those of `connection_options`."""
    return AIOKafkaConsumer(
        **options,
        group_id=settings.group,
        group_instance_id=settings.instance_id,
        enable_auto_commit=False,
        auto_offset_reset=settings.start,
        isolation_level="read_committed",  # a producer may use transactions, too
        partition_assignment_strategy=[StickyPartitionAssignor],
        session_timeout_ms=round(settings.session_timeout_s * 1000),
        heartbeat_interval_ms=round(settings.session_timeout_s * 1000 / 6),
        max_poll_interval_ms=round(settings.max_poll_interval_s * 1000),
        fetch_max_bytes=settings.fetch_max_mb << 20,
    )

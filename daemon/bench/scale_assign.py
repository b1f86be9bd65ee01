"""How long aiokafka's sticky assignor takes, and what the members of a group weigh.

python -m daemon.bench.scale_assign
"""

from __future__ import annotations

import sys
import time

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.structs import TopicPartition

TOPIC = "audio.chunks"
GROUPS = ((100, 4), (200, 4), (300, 4), (500, 2), (1000, 1))  # members, partitions each


class Metadata(ClusterMetadata):
    """A cluster of one topic, as far as the assignor asks."""

    def __init__(self, partitions: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._count = partitions

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        """The one."""
        return {TOPIC}

    def partitions_for_topic(self, topic: str) -> set[int]:
        """All of them."""
        return set(range(self._count))


def measure(members: int, each: int) -> tuple[float, float]:
    """Seconds to deal out again when one of `members` has gone; and bytes that a member's metadata take."""
    metadata = Metadata(members * each)
    owned = {
        f"genred-{member:06d}": StickyPartitionAssignor._metadata(
            {TOPIC}, [TopicPartition(TOPIC, each * member + own) for own in range(each)], 1
        )
        for member in range(members)
    }
    size_bytes = sum(len(one.encode()) for one in owned.values()) / members
    del owned["genred-000003"]
    started_s = time.process_time()
    dealt = StickyPartitionAssignor.assign(metadata, owned)
    took_s = time.process_time() - started_s
    assignment_bytes = sum(len(one.encode()) for one in dealt.values()) / members
    return took_s, size_bytes + assignment_bytes


def main() -> None:
    """A line for each group, on standard output."""
    for members, each in GROUPS:
        took_s, size_bytes = measure(members, each)
        us = took_s * 1e6 / members / (members * each)
        sys.stdout.write(
            f"{members} members x {each} partitions: {took_s:.2f} s ({us:.1f} µs x members x partitions), "
            f"{size_bytes:.0f} bytes a member\n"
        )


if __name__ == "__main__":
    main()

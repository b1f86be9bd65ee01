"""What docs/scaling.md supposes of the group protocol, seen with three aiokafka members and a real broker.

`python -m tests.with_broker .venv/bin/python -m tests.scale_protocol {bootstrap}`

A member is killed and started again, under dynamic and static membership; then a leader deals out for longer, and for
less, than its session.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.structs import TopicPartition

from daemon.bench.kafka_load import make_topics

SESSION_S = 9.0
HEARTBEAT_S = 1.5
PARTITIONS = 12
SETTLE_S, DEAD_S, WATCH_S = 15.0, 3.0, 15.0
SLOW_WATCH_S = 50.0


class Slow(StickyPartitionAssignor):
    """Takes its time, on the thread of the event loop."""

    seconds = 0.0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The sticky assignment, later."""
        time.sleep(cls.seconds)
        return super().assign(cluster, members)


class Told(ConsumerRebalanceListener):
    """Says what it hears, with the seconds since the start."""

    def __init__(self, name: str, began_s: float) -> None:
        self._name, self._began_s = name, began_s

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Before the group is dealt out."""
        if count := len(list(revoked)):
            self._say(f"gives up {count}")

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """And after."""
        self._say(f"has {len(list(assigned))}")

    def _say(self, text: str) -> None:
        sys.stdout.write(f"  {time.time() - self._began_s:5.1f} s  {self._name} {text}\n")
        sys.stdout.flush()


async def member(bootstrap: str, topic: str, name: str, static: bool, slow_s: float, began_s: float) -> None:
    """One member of the group that is named as the topic, until it is killed."""
    Slow.seconds = slow_s
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=topic,
        group_instance_id=name if static else None,
        partition_assignment_strategy=[Slow],
        session_timeout_ms=round(SESSION_S * 1000),
        heartbeat_interval_ms=round(HEARTBEAT_S * 1000),
        enable_auto_commit=False,
    )
    await consumer.start()
    consumer.subscribe([topic], listener=Told(name, began_s))
    while True:
        await consumer.getmany(timeout_ms=200)


def watch(bootstrap: str, what: str, static: bool, slow_s: float = 0.0) -> None:
    """Three members; one of them killed and started again, unless it is about a slow leader."""
    topic = f"scale-{uuid.uuid4().hex[:8]}"
    asyncio.run(make_topics(bootstrap, topic, PARTITIONS, ""))
    sys.stdout.write(f"{what} (sessions of {SESSION_S:g} s)\n")
    sys.stdout.flush()
    began_s = time.time()

    def start(name: str) -> subprocess.Popen[bytes]:
        words = ["-m", "tests.scale_protocol", bootstrap, topic, name, str(int(static)), str(slow_s), str(began_s)]
        return subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL)

    running = [start(f"m{number}") for number in range(3)]
    try:
        time.sleep(SLOW_WATCH_S if slow_s else SETTLE_S)
        if not slow_s:
            running[1].kill()
            Told("m1", began_s)._say("is killed")
            time.sleep(DEAD_S)
            running.append(start("m1"))
            time.sleep(WATCH_S)
    finally:
        for process in running:
            process.kill()
            process.wait()


def main() -> None:
    """All scenarios; or one member, when more than a broker is given."""
    bootstrap, *rest = sys.argv[1:]
    if rest:
        topic, name, static, slow_s, began_s = rest
        asyncio.run(member(bootstrap, topic, name, static == "1", float(slow_s), float(began_s)))
    watch(bootstrap, "dynamic membership", static=False)
    watch(bootstrap, "static membership", static=True)
    watch(bootstrap, f"a leader that takes {SESSION_S + 3:g} s", static=False, slow_s=SESSION_S + 3)
    watch(bootstrap, f"a leader that takes {SESSION_S / 2:g} s", static=False, slow_s=SESSION_S / 2)


if __name__ == "__main__":
    main()

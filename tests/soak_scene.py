"""The parts of the soak that are hurt: a broker, its topics, the settings of the daemon; and the hurting."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.whole_file import write_text
from tests.kafka_broker import Broker
from tests.kafka_topics import create_topic
from tests.kafka_workers import PARTITIONS, Topics
from tests.process import Daemon, wait_for
from tests.soak_faults import KILL, Fault
from tests.soak_watch import wait_until

SWAP_LIMIT_S = 60.0
SEGMENT = {"segment.bytes": str(32 << 20)}
KEPT = {**SEGMENT, "retention.ms": str(30 * 60_000)}  # of the audio: hours of it would fill the disk
NEVER = {**SEGMENT, "cleanup.policy": "compact", "min.compaction.lag.ms": str(1 << 53)}  # every tag is counted
BROKER = {"log.cleaner.backoff.ms": "15000", "log.retention.check.interval.ms": "30000"}  # as calm as one in service


def make_topics(bootstrap: str) -> Topics:
    """The topics of the soak."""
    configs = {"audio": KEPT, "windows": SEGMENT, "tags": NEVER, "dead": SEGMENT}
    for name, config in configs.items():
        asyncio.run(create_topic(bootstrap, name, PARTITIONS, config))
    return Topics(bootstrap, *configs)


def write_settings(path: Path, topics: Topics, model: str, delivery: str) -> None:
    """One worker with the settings that it would have in service, but for the names."""
    write_text(
        path,
        f"""
model = {json.dumps(model)}
engine.device = "cpu"
engine.threads = 1
[kafka]
bootstrap_servers = {json.dumps(topics.bootstrap.split(","))}
windows_topic = "{topics.windows}"
tags_topic = "{topics.tags}"
dead_letter_topic = "{topics.dead}"
[[sources]]
kind = "kafka"
topic = "{topics.audio}"
group = "{topics.group}"
start = "earliest"
delivery = "{delivery}"
""",
    )


@dataclass
class Scene:
    """What there is to hurt, and what was done to it. Times from the begin of the feeding."""

    broker: Broker
    topics: Topics
    daemon: Daemon
    settings: Path
    delivery: str
    models: Sequence[str]
    names: Sequence[str]  # what their cards call them
    began_s: float
    alive: Callable[[], None]
    say: Callable[[str], None]
    outages: list[tuple[float, float]] = field(default_factory=list)  # the broker is killed, it answers again
    swaps: list[float] = field(default_factory=list)

    def act(self, faults: Sequence[Fault]) -> None:
        """All of them, each at its time; a swap may fall into an outage."""
        steps: list[tuple[float, Callable[[], None]]] = []
        for fault in faults:
            if fault.kind == KILL:
                steps += [(fault.at_s, self._kill), (fault.at_s + fault.down_s, self._start)]
            else:
                steps.append((fault.at_s, self._swap))
        for at_s, step in sorted(steps, key=lambda one: one[0]):
            wait_until(self.began_s + at_s, self.alive)
            step()

    @property
    def now_s(self) -> float:
        """Since the begin."""
        return time.monotonic() - self.began_s

    def _kill(self) -> None:
        self.say("kill -9 of the broker")
        self.outages.append((self.now_s, float("inf")))
        self.broker.kill()

    def _start(self) -> None:
        self.broker.start()
        self.outages[-1] = (self.outages[-1][0], self.now_s)
        self.say(f"the broker is back after {self.outages[-1][1] - self.outages[-1][0]:.0f} s")

    def _swap(self) -> None:
        turn = (len(self.swaps) + 1) % len(self.models)
        write_settings(self.settings, self.topics, self.models[turn], self.delivery)
        self.swaps.append(self.now_s)
        self.daemon.process.send_signal(signal.SIGHUP)
        name = self.names[turn]
        wait_for(lambda: self.daemon.status()["model"]["name"] == name, f"{name} in service", SWAP_LIMIT_S)
        self.say(f"swapped to {name} in {self.now_s - self.swaps[-1]:.1f} s")

"""Workers on topics of a test: their settings, their processes, and the lag that Kafka's own tool reads."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kafka_fixtures import MakeTopic
from tests.kafka_java import consumer_lag
from tests.kafka_oracle import Broadcast, Feeding
from tests.kafka_topics import create_topic, until_committed
from tests.process import Daemon, running, wait_for

PARTITIONS = 4
CATCH_UP_S = 90.0
SESSION_S = 1.5


@dataclass(frozen=True)
class Topics:
    """The topics of one test, and its group."""

    bootstrap: str
    audio: str
    windows: str
    tags: str
    dead: str

    @property
    def group(self) -> str:
        """A group of the test's own."""
        return f"group-{self.audio}"

    def settings(self, folder: Path, model: Path, delivery: str, name: str, source: str = "") -> Path:
        """The settings of a worker; `source` is more of its `[[sources]]` table."""
        path = folder / f"{name}.toml"
        path.write_text(f"""
model = "{model}"
engine.device = "cpu"
engine.threads = 1
[kafka]
bootstrap_servers = {json.dumps(self.bootstrap.split(","))}
client_id = "{name}"
windows_topic = "{self.windows}"
tags_topic = "{self.tags}"
dead_letter_topic = "{self.dead}"
[[sources]]
kind = "kafka"
topic = "{self.audio}"
group = "{self.group}"
start = "earliest"
delivery = "{delivery}"
session_timeout_s = {SESSION_S}
commit_interval_s = 0.2
transaction_interval_s = 0.1
{source}
""")
        return path

    def lag(self) -> int | None:
        """Records behind, by Kafka's own tool; None while some partition has no commit."""
        lags = consumer_lag(self.bootstrap, self.group).values()
        return None if not lags or any(lag is None for lag in lags) else sum(lag or 0 for lag in lags)

    def until_caught_up(self) -> None:
        """Wait until every record is committed, asking by one client: Kafka's tool starts a Java for each look."""
        asyncio.run(until_committed(self.bootstrap, self.audio, self.group, CATCH_UP_S))


def make_topics(bootstrap: str, make_topic: MakeTopic, partitions: int = PARTITIONS) -> Topics:
    """Fresh topics."""
    return Topics(
        bootstrap,
        make_topic("audio", partitions),
        make_topic("windows", partitions),
        make_topic("tags", 2, {"cleanup.policy": "compact"}),
        make_topic("dead"),
    )


def topics_on(bootstrap: str, partitions: int = PARTITIONS) -> Topics:
    """Fresh topics on a Kafka of the test's own."""

    def make(what: str, count: int, config: dict[str, str] | None = None) -> str:
        name = f"{what}.{uuid.uuid4().hex[:8]}"
        asyncio.run(create_topic(bootstrap, name, count, config))
        return name

    tags = make("tags", 2, {"cleanup.policy": "compact"})
    return Topics(bootstrap, make("audio", partitions), make("windows", partitions), tags, make("dead", 1))


class Workers:
    """Processes that share the work; each has its own settings, and a log that failures show."""

    def __init__(self, topics: Topics, folder: Path, model: Path, delivery: str, stack: ExitStack) -> None:
        self._topics, self._folder, self._model, self._delivery = topics, folder, model, delivery
        self._stack = stack
        self.running: list[Daemon] = []
        self.all: list[Daemon] = []

    def start(self, source: str = "") -> Daemon:
        """One more worker."""
        name = f"worker-{len(self.all)}"
        return self.start_with(self._topics.settings(self._folder, self._model, self._delivery, name, source))

    def start_with(self, settings: Path) -> Daemon:
        """One more worker, with settings of its own."""
        daemon = self._stack.enter_context(running(settings))
        self.running.append(daemon)
        self.all.append(daemon)
        return daemon

    def feed(self, broadcast: Broadcast, speed: float, partitions: int = PARTITIONS) -> Feeding:
        """Send the broadcast in the background, until the pool is closed."""
        topics = self._topics
        return self._stack.enter_context(Feeding(topics.bootstrap, topics.audio, broadcast, partitions, speed))

    def kill(self, daemon: Daemon) -> None:
        """`kill -9`."""
        daemon.process.kill()
        daemon.process.wait(10)
        self.running.remove(daemon)

    def kill_after(self, daemon: Daemon, pause_s: float) -> None:
        """`kill -9` at a moment."""
        deadline = time.monotonic() + pause_s
        wait_for(lambda: time.monotonic() > deadline, "the moment of the kill")
        self.kill(daemon)

    def stop(self, daemon: Daemon) -> None:
        """SIGTERM, and a clean end in which the books are in balance."""
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.log
        self.running.remove(daemon)

    def assert_alive(self) -> None:
        """None of the workers that should run has ended."""
        for daemon in self.running:
            assert daemon.process.poll() is None, f"ended with {daemon.process.returncode}:\n{daemon.log[-5000:]}"

    def until_working(self, daemon: Daemon) -> None:
        """Wait until the worker has partitions and has rebuilt them."""
        wait_for(lambda: daemon.status()["ready"], "a worker that is ready", 30.0)

    def balanced(self) -> bool:
        """Whether every second that the running workers received is accounted for."""
        return all(abs(daemon.status()["seconds"]["unaccounted"]) < 0.001 for daemon in self.running)

    @property
    def logs(self) -> Sequence[str]:
        """What the workers said."""
        return [daemon.log for daemon in self.all]


@contextmanager
def workers(topics: Topics, folder: Path, model: Path, delivery: str) -> Iterator[Workers]:
    """A pool of workers; those that are left are killed at the end."""
    with ExitStack() as stack:
        yield Workers(topics, folder, model, delivery, stack)

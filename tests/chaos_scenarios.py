"""What is done to workers and brokers amid a broadcast, each of it some number of times at random moments."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.kafka_broker import Broker, Cluster
from tests.kafka_oracle import Feeding
from tests.kafka_topics import leaders
from tests.kafka_workers import SESSION_S, Topics, Workers
from tests.process import TIME_LIMIT_S, Daemon, wait_for

LIMIT_S = 120.0
SILENCE_S = 2.5 * SESSION_S  # everybody is thought dead by then
MOMENT_S = 2.0  # the longest that a fault is waited for
PROGRESS = 12  # windows


@dataclass
class Scene:
    """Two workers at work on a broadcast, and what has been done to them."""

    kafka: Broker | Cluster
    topics: Topics
    pool: Workers
    feeding: Feeding
    rng: random.Random
    say: Callable[[str], None]
    faults: int = 0
    amid_work: int = 0  # faults that fell before the end of the broadcast
    resting: list[Daemon] = field(default_factory=list)  # stopped by a signal: they would not answer

    def moment(self) -> None:
        """Wait for a random time."""
        pass_time(self.rng.uniform(0.0, MOMENT_S))

    def fault(self, what: str) -> None:
        """Count a fault that is about to be injected."""
        self.pool.assert_alive()
        self.faults += 1
        self.amid_work += self.feeding.under_way
        self.say(f"{self.faults}: {what}")

    def windows(self) -> int:
        """Windows that the workers have published so far."""
        return sum(daemon.status()["windows"] for daemon in self.pool.running if daemon not in self.resting)

    def until_progress(self) -> None:
        """Wait until the workers go on publishing, if there is anything to publish."""
        before = self.windows()
        wait_for(lambda: not self.feeding.under_way or self.windows() > before + PROGRESS, "new windows", LIMIT_S)
        self.pool.assert_alive()

    def begin_worker(self) -> None:
        """One more, at work when this returns."""
        daemon = self.pool.start()
        wait_for(lambda: daemon.status()["ready"], "a worker that is ready", LIMIT_S)


def kill_a_worker(scene: Scene) -> None:
    """`kill -9` of either worker; another comes."""
    scene.moment()
    scene.fault("kill -9 of a worker")
    scene.pool.kill(scene.rng.choice(scene.pool.running))
    scene.begin_worker()


def stop_a_worker(scene: Scene) -> None:
    """SIGTERM to either worker, which must end clean; another comes."""
    scene.moment()
    scene.fault("SIGTERM to a worker")
    scene.pool.stop(scene.rng.choice(scene.pool.running))
    scene.begin_worker()


def scale(scene: Scene) -> None:
    """Two workers become three, then one, then two again."""
    scene.moment()
    scene.fault("two workers, three, one")
    scene.begin_worker()
    scene.moment()
    for daemon in scene.rng.sample(scene.pool.running, 2):
        scene.pool.stop(daemon)
    scene.moment()
    scene.begin_worker()


def kill_the_broker(scene: Scene) -> None:
    """The only broker is killed and started again."""
    assert isinstance(scene.kafka, Broker)
    scene.moment()
    scene.fault("kill -9 of the broker")
    scene.kafka.kill()
    scene.moment()
    scene.kafka.start()
    scene.until_progress()


def kill_a_leader(scene: Scene) -> None:
    """Of three brokers, the leader of an input partition is killed; it comes back and catches up."""
    assert isinstance(scene.kafka, Cluster)
    brokers = scene.kafka.brokers
    partition = scene.rng.randrange(4)
    victim = brokers[_leader(scene, partition)]
    scene.moment()
    scene.fault(f"kill -9 of broker {victim.node.number}, which leads partition {partition}")
    victim.kill()
    wait_for(lambda: _leader(scene, partition) not in (-1, victim.node.number), "another leader", LIMIT_S)
    scene.until_progress()
    victim.start()
    wait_for(lambda: _in_sync(scene.topics) == len(brokers), "replicas in sync", LIMIT_S)


def pause_the_broker(scene: Scene) -> None:
    """The broker hangs for longer than the session timeout."""
    assert isinstance(scene.kafka, Broker)
    scene.moment()
    scene.fault(f"the broker hangs for {SILENCE_S:g} s")
    scene.kafka.pause()
    pass_time(SILENCE_S)
    scene.kafka.resume()
    scene.until_progress()


def make_a_zombie(scene: Scene) -> None:
    """A worker hangs until the other has its partitions, then goes on as if nothing had been."""
    scene.moment()
    zombie = scene.rng.choice(scene.pool.running)
    scene.fault("a worker hangs past its session, then goes on")
    zombie.process.send_signal(signal.SIGSTOP)
    scene.resting.append(zombie)
    pass_time(SILENCE_S)
    scene.until_progress()
    zombie.process.send_signal(signal.SIGCONT)
    scene.resting.remove(zombie)
    wait_for(lambda: zombie.status()["ready"], "the zombie's return", LIMIT_S)
    scene.until_progress()


@dataclass(frozen=True)
class Scenario:
    """One kind of fault, `times` times, within a broadcast that lasts some `lasts_s` seconds."""

    name: str
    what: str
    act: Callable[[Scene], None]
    times: int
    lasts_s: float
    brokers: int = 1


SCENARIOS = (
    Scenario("kill", "`kill -9` of a worker", kill_a_worker, 20, 140.0),
    Scenario("stop", "SIGTERM to a worker", stop_a_worker, 10, 70.0),
    Scenario("scale", "two workers, three, one", scale, 5, 75.0),
    Scenario("broker", "the broker killed and restarted", kill_the_broker, 5, 60.0),
    Scenario("leader", "three brokers, a leader killed", kill_a_leader, 5, 75.0, brokers=3),
    Scenario("pause", "the broker paused", pause_the_broker, 3, 40.0),
    Scenario("zombie", "a worker paused past its session", make_a_zombie, 3, 45.0),
)


def pass_time(seconds: float) -> None:
    """Let a time pass."""
    since_s = time.monotonic()
    wait_for(lambda: time.monotonic() - since_s >= seconds, "a moment", seconds + TIME_LIMIT_S)


def _leader(scene: Scene, partition: int) -> int:
    """The broker that leads a partition of the audio; -1 while nobody says."""
    try:
        return asyncio.run(leaders(scene.topics.bootstrap, scene.topics.audio)).get(partition, -1)
    except KafkaError:  # asked of one that is gone
        return -1


def _in_sync(topics: Topics) -> int:
    """The least number of replicas in sync of any partition that the work needs; 0 while nobody says."""

    async def ask() -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
        try:
            await admin.start()
            names = {topics.audio, topics.windows, topics.tags, *await admin.list_topics()}
            described = await admin.describe_topics(sorted(names))
            return min(len(partition["isr"]) for topic in described for partition in topic["partitions"])
        finally:
            await admin.close()

    try:
        return asyncio.run(ask())
    except KafkaError:
        return 0

"""Brokers that die, hang and change while two workers work: nobody restarts a worker, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError

from tests.kafka_broker import Broker, Cluster
from tests.kafka_oracle import Broadcast, outcome
from tests.kafka_topics import leaders
from tests.kafka_workers import SESSION_S, Topics, Workers, topics_on, workers
from tests.process import wait_for

DELIVERIES = ["at-least-once", "exactly-once"]
BROADCAST = Broadcast(streams=6, seconds=36)
PAUSE_S = 2.5 * SESSION_S
pytestmark = pytest.mark.timeout(240)


@contextmanager
def two_at_work(topics: Topics, folder: Path, model: Path, delivery: str) -> Iterator[Workers]:
    """Two workers amid a broadcast; what has come out when the block has ended must be the whole truth."""
    with workers(topics, folder, model, delivery) as pool:
        both = [pool.start(), pool.start()]
        for daemon in both:
            pool.until_working(daemon)
        feeding = pool.feed(BROADCAST, speed=8)
        wait_for(lambda: all(daemon.status()["windows"] > 5 for daemon in both), "windows of both workers")
        yield pool
        feeding.hurry()
        feeding.join(60)
        pool.assert_alive()
        topics.until_caught_up()
        assert pool.balanced()
        for daemon in both:
            pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(BROADCAST.truth(model), exactly_once=delivery == "exactly-once")


def led_by(topics: Topics) -> dict[int, int]:
    """Which broker leads each partition of the audio; empty while nobody says."""
    try:
        return asyncio.run(leaders(topics.bootstrap, topics.audio))
    except KafkaError:  # asked of one that is gone
        return {}


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_broker_that_dies_and_comes_back(broker: Broker, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    with two_at_work(topics_on(broker.bootstrap), tmp_path, tiny_model, delivery):
        broker.kill()
        broker.start()


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_broker_that_hangs_until_everybody_is_thought_dead(
    hanging_broker: Broker, tiny_model: Path, tmp_path: Path, delivery: str
) -> None:
    with two_at_work(topics_on(hanging_broker.bootstrap), tmp_path, tiny_model, delivery):
        hanging_broker.pause()
        since_s = time.monotonic()
        wait_for(lambda: time.monotonic() - since_s > PAUSE_S, "the end of the pause")
        hanging_broker.resume()


def test_the_leader_of_a_partition_dies(cluster: Cluster, tiny_model: Path, tmp_path: Path) -> None:
    topics = topics_on(cluster.bootstrap)
    with two_at_work(topics, tmp_path, tiny_model, "exactly-once"):
        victim = cluster.brokers[led_by(topics)[0]]
        victim.kill()
        wait_for(lambda: led_by(topics).get(0, victim.node.number) != victim.node.number, "another leader")
        victim.start()

"""`genred run` between real topics: the results of an uninterrupted run, whoever is killed meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import Broadcast, Feeding, moments, outcome
from tests.kafka_workers import PARTITIONS, Topics, make_topics, workers

DELIVERIES = ["at-least-once", "exactly-once"]


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_goes_in_comes_out(topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    broadcast = Broadcast(streams=6, seconds=25)
    Feeding(topics.bootstrap, topics.audio, broadcast, PARTITIONS, speed=1000).join(30)
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        daemon = pool.start()
        topics.until_caught_up()
        assert topics.lag() == 0
        status = daemon.status()
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(broadcast.truth(tiny_model), exactly_once=True)
    assert status["seconds"]["unaccounted"] == 0
    assert status["seconds"]["received"] == 6 * 25


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_killed_workers_lose_nothing(topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    broadcast = Broadcast(streams=6, seconds=80)
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        feeding = pool.feed(broadcast, speed=8)
        for pause_s in moments(4, 2.0, seed=4):
            daemon = pool.start()
            pool.until_working(daemon)
            pool.kill_after(daemon, pause_s)
        pool.start()
        feeding.hurry()
        feeding.join(60)
        topics.until_caught_up()
        assert pool.balanced()
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(broadcast.truth(tiny_model), exactly_once=delivery == "exactly-once")

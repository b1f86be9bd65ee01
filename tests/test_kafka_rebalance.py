"""Workers that come, go, stop and stall: the group is dealt out anew, and the results are those of one quiet run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import Broadcast, outcome
from tests.kafka_workers import SESSION_S, Topics, make_topics, workers
from tests.process import wait_for

DELIVERIES = ["at-least-once", "exactly-once"]
BROADCAST = Broadcast(streams=6, seconds=80)


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_workers_come_and_go(topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        feeding = pool.feed(BROADCAST, speed=8)
        first, second = pool.start(), pool.start()
        pool.until_working(second)
        third = pool.start()
        pool.until_working(third)
        pool.stop(first)
        pool.until_working(second)
        pool.stop(third)
        feeding.hurry()
        feeding.join(60)
        topics.until_caught_up()
        assert pool.balanced()
        pool.stop(second)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    # A worker that is told to stop finishes what it has: even at-least-once repeats nothing.
    found.check(BROADCAST.truth(tiny_model), exactly_once=True)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_worker_that_was_thought_dead_does_no_harm(
    topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str
) -> None:
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        feeding = pool.feed(BROADCAST, speed=8)
        zombie = pool.start()
        pool.until_working(zombie)
        wait_for(lambda: zombie.status()["windows"] > 20, "windows")
        zombie.process.send_signal(signal.SIGSTOP)
        heir = pool.start()
        wait_for(lambda: heir.status()["windows"] > 20, "the heir's windows", 10 * SESSION_S + 10)
        zombie.process.send_signal(signal.SIGCONT)
        feeding.hurry()
        feeding.join(60)
        topics.until_caught_up()
        wait_for(lambda: zombie.status()["ready"], "the zombie's return")
        assert pool.balanced()
        for daemon in (zombie, heir):
            pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(BROADCAST.truth(tiny_model), exactly_once=delivery == "exactly-once")

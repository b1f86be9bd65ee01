"""Writers that fail although their worker is well: it begins anew at what stands in the log, and nothing is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import OutOfOrderSequenceNumber, TopicAuthorizationFailedError

from daemon.kafka.mending import MAX_ATTEMPTS, Mending
from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import Broadcast, outcome
from tests.kafka_workers import PARTITIONS, Topics, make_topics, workers
from tests.process import Daemon, wait_for

BROADCAST = Broadcast(streams=6, seconds=48)
REFUSE_ALL = {"message.timestamp.before.max.ms": "0"}  # what takes longer than no time to get there


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic)


@contextmanager
def one_at_work(topics: Topics, folder: Path, model: Path, delivery: str) -> Iterator[Daemon]:
    """A worker amid a broadcast; what has come out when the block has ended must be the whole truth."""
    with workers(topics, folder, model, delivery) as pool:
        daemon = pool.start()
        pool.until_working(daemon)
        feeding = pool.feed(BROADCAST, speed=8)
        wait_for(lambda: daemon.status()["windows"] > 10, "windows")
        yield daemon
        feeding.hurry()
        feeding.join(60)
        pool.assert_alive()
        topics.until_caught_up()
        assert pool.balanced()
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(BROADCAST.truth(model), exactly_once=delivery == "exactly-once")


def test_a_writer_fenced_by_a_stranger_is_made_anew(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    async def fence(transactional_id: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=topics.bootstrap, transactional_id=transactional_id):
            pass

    with one_at_work(topics, tmp_path, tiny_model, "exactly-once") as daemon:
        asyncio.run(fence(f"{topics.group}-{topics.audio}-1"))
        wait_for(lambda: "has a new owner" in daemon.log, "the fence")
        assert not_written(daemon) & {"ProducerFenced", "InvalidProducerEpoch"}
        wait_for(lambda: f"genred_owned_partitions {PARTITIONS - 1}.0" in daemon.get("/metrics")[1], "one fewer")
        wait_for(lambda: f"{topics.audio}[1]: gone on with" in daemon.log, "the partition's return")
        assert f"genred_owned_partitions {PARTITIONS}.0" in daemon.get("/metrics")[1]


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_results_that_are_refused_for_a_while(topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    with one_at_work(topics, tmp_path, tiny_model, delivery) as daemon:
        asyncio.run(configure(topics.bootstrap, topics.windows, REFUSE_ALL))
        wait_for(lambda: "InvalidTimestampError" in daemon.log, "a refusal")
        assert "InvalidTimestampError" in not_written(daemon)
        asyncio.run(configure(topics.bootstrap, topics.windows, {}))
        wait_for(lambda: "gone on with" in daemon.log, "the partition's return")


def test_what_lasts_is_not_mended() -> None:
    mending = Mending()
    assert not mending.worth_while(TopicAuthorizationFailedError("genre.windows"))
    mending.succeeded()
    assert [mending.worth_while(OutOfOrderSequenceNumber()) for _ in range(MAX_ATTEMPTS + 1)] == [
        *[True] * MAX_ATTEMPTS,
        False,
    ]
    mending.succeeded()
    assert mending.worth_while(OutOfOrderSequenceNumber())


def not_written(daemon: Daemon) -> set[str]:
    """The errors that `genred_errors_total` has for results."""
    return set(re.findall(r'genred_errors_total{error_type="(\w+)",stage="publish"} [1-9]', daemon.get("/metrics")[1]))


async def configure(bootstrap: str, topic: str, config: dict[str, str]) -> None:
    """Give a topic these settings and no others."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        answer: Any
        (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
        assert [code for code, *_ in answer.resources] == [0]
    finally:
        await admin.close()

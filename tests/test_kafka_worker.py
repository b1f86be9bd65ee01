"""Workers in particular circumstances: a cluster that wants TLS and a password, a topic on which nothing happens."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kafka_broker import Broker
from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import Broadcast, Feeding, outcome
from tests.kafka_topics import create_topic
from tests.kafka_workers import PARTITIONS, Topics, make_topics, workers
from tests.process import Daemon, running, wait_for

BROADCAST = Broadcast(streams=4, seconds=16)


def secured(settings: Path, broker: Broker) -> Path:
    """The same settings, for the listener that wants TLS and a password."""
    assert broker.security is not None
    secret = settings.with_suffix(".secret")
    secret.write_text(broker.security.users["genred"] + "\n")
    text = settings.read_text().replace(broker.bootstrap, broker.security.sasl)
    settings.write_text(f"""{text}
[kafka.tls]
ca_file = "{broker.security.ca}"
[kafka.sasl]
mechanism = "SCRAM-SHA-512"
username = "genred"
password_file = "{secret}"
""")
    return settings


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_cluster_that_wants_tls_and_a_password(
    secure_broker: Broker, tiny_model: Path, tmp_path: Path, delivery: str
) -> None:
    names = [f"{what}-{delivery}" for what in ("audio", "windows", "tags", "dead")]
    for name in names:
        asyncio.run(create_topic(secure_broker.bootstrap, name, PARTITIONS))
    topics = Topics(secure_broker.bootstrap, *names)
    Feeding(secure_broker.bootstrap, topics.audio, BROADCAST, PARTITIONS, speed=1000).join(60)
    settings = secured(topics.settings(tmp_path, tiny_model, delivery, "worker"), secure_broker)
    with ExitStack() as stack:
        daemon = stack.enter_context(running(settings))
        topics.until_caught_up()
        assert secure_broker.security is not None
        secret = secure_broker.security.users["genred"]
        assert secret not in daemon.log + daemon.get("/status")[1] + daemon.get("/metrics")[1]
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    found.check(BROADCAST.truth(tiny_model), exactly_once=True)


def rebalances(daemon: Daemon) -> float:
    """How often the group was dealt out anew, for this worker."""
    rows = daemon.get("/metrics")[1].splitlines()
    return next(float(row.split()[1]) for row in rows if row.startswith("genred_rebalances_total "))


def test_a_topic_on_which_nothing_happens(kafka: str, make_topic: MakeTopic, tiny_model: Path, tmp_path: Path) -> None:
    topics = make_topics(kafka, make_topic)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start("max_poll_interval_s = 5")
        pool.until_working(daemon)
        wait_for(lambda: daemon.status()["uptime_seconds"] > 12, "twice the poll interval and more")
        assert rebalances(daemon) == 0
        Feeding(topics.bootstrap, topics.audio, BROADCAST, PARTITIONS, speed=1000).join(60)
        topics.until_caught_up()
        assert rebalances(daemon) == 0
        pool.stop(daemon)
    outcome(topics.bootstrap, topics.windows, topics.tags).check(BROADCAST.truth(tiny_model), exactly_once=True)

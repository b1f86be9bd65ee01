"""The real Kafka that other tests build on: what it keeps, whom it refuses, how it comes back."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.helpers import create_ssl_context

from tests.kafka_broker import Broker, Cluster
from tests.kafka_fixtures import MakeTopic
from tests.kafka_java import consumer_lag, jars, kafka_tool
from tests.kafka_security import Security
from tests.kafka_topics import create_topic, leaders, read, write
from tests.process import TIME_LIMIT_S

TOPIC = "audio"


class Token(AbstractTokenProvider):
    """A bearer token that is already known."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        """The token."""
        return self._token


@pytest.mark.parametrize("compression", [None, "gzip", "lz4", "snappy", "zstd"])
def test_a_record_comes_back_whole(kafka: str, make_topic: MakeTopic, compression: str | None) -> None:
    topic = make_topic()
    headers = [("content-type", b"audio/wav"), ("position", b"0")]

    asyncio.run(write(kafka, topic, [bytes(1000), b""], key=b"radio", headers=headers, compression_type=compression))
    records = asyncio.run(read(kafka, topic, 2))

    assert [record.value for record in records] == [bytes(1000), b""]
    assert [(record.key, list(record.headers), record.offset) for record in records] == [
        (b"radio", headers, 0),
        (b"radio", headers, 1),
    ]


def test_topics_are_made_by_request_only(broker: Broker) -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        asyncio.run(write(broker.bootstrap, "misspelt", [b""], request_timeout_ms=100))


def test_a_transaction_is_seen_when_it_is_committed(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic()

    def reader(isolation: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            topic,
            bootstrap_servers=kafka,
            auto_offset_reset="earliest",
            isolation_level=isolation,
            fetch_max_wait_ms=100,
        )

    async def go() -> None:
        async with (
            AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic) as producer,
            reader("read_committed") as committed,
            reader("read_uncommitted") as everything,
        ):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"taken back")
            assert (await everything.getone()).value == b"taken back"
            await producer.abort_transaction()
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"kept")
            assert (await everything.getone()).value == b"kept"
            assert not await committed.getmany(timeout_ms=500)
            await producer.commit_transaction()
            assert (await committed.getone()).value == b"kept"

    asyncio.run(asyncio.wait_for(go(), TIME_LIMIT_S))


def test_kafkas_own_tool_reads_the_lag(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    asyncio.run(write(kafka, topic, [b"", b"", b""], partition=1))

    async def commit(offset: int) -> None:
        async with AIOKafkaConsumer(bootstrap_servers=kafka, group_id=topic, enable_auto_commit=False) as consumer:
            consumer.assign([TopicPartition(topic, 1)])
            await consumer.commit({TopicPartition(topic, 1): offset})

    asyncio.run(asyncio.wait_for(commit(1), TIME_LIMIT_S))

    assert consumer_lag(kafka, topic) == {(topic, 1): 2}


def test_what_was_acknowledged_outlives_a_kill(broker: Broker) -> None:
    asyncio.run(create_topic(broker.bootstrap, TOPIC))
    asyncio.run(write(broker.bootstrap, TOPIC, [b"before"]))
    where, pid = broker.bootstrap, broker.pid

    broker.kill()
    broker.start()

    assert (broker.bootstrap, broker.pid == pid) == (where, False)
    assert asyncio.run(write(where, TOPIC, [b"after"])) == [1]
    broker.restart()
    assert [record.value for record in asyncio.run(read(where, TOPIC, 2))] == [b"before", b"after"]


def test_a_paused_broker_answers_once_it_goes_on(broker: Broker) -> None:
    async def go() -> None:
        await create_topic(broker.bootstrap, TOPIC)
        broker.pause()
        writing = asyncio.create_task(write(broker.bootstrap, TOPIC, [b""]))
        assert not (await asyncio.wait({writing}, timeout=0.5))[0]
        broker.resume()
        assert await writing == [0]
        broker.pause()  # and is closed so

    asyncio.run(asyncio.wait_for(go(), TIME_LIMIT_S))


def test_a_start_that_fails_shows_the_log(tmp_path: Path) -> None:
    wrong = Broker(tmp_path, settings={"num.io.threads": "none"})

    with pytest.raises(AssertionError, match=r"num\.io\.threads"):
        wrong.start()


def test_missing_jars_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(AssertionError, match="make setup-test"):
        jars()


def _login(security: Security, mechanism: str) -> dict[str, Any]:
    login: dict[str, Any] = {"sasl_plain_username": "genred", "sasl_plain_password": security.users["genred"]}
    if mechanism == "OAUTHBEARER":
        login = {"sasl_oauth_token_provider": Token(security.token("genred"))}
    trust = create_ssl_context(cafile=security.ca)
    return {"security_protocol": "SASL_SSL", "ssl_context": trust, "sasl_mechanism": mechanism, **login}


def _certificate(security: Security) -> dict[str, Any]:
    own = create_ssl_context(cafile=security.ca, certfile=security.cert, keyfile=security.key)
    return {"security_protocol": "SSL", "ssl_context": own}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_a_known_user_comes_in_and_no_other(secure_broker: Broker, mechanism: str) -> None:
    security = secure_broker.security
    topic = f"{TOPIC}.{mechanism}"
    asyncio.run(create_topic(secure_broker.bootstrap, topic))
    login = _login(security, mechanism)
    wrong = (
        {"sasl_oauth_token_provider": Token(security.token("genred", lives_s=-60))}
        if mechanism == "OAUTHBEARER"
        else {"sasl_plain_password": "a guess"}
    )

    assert asyncio.run(write(security.sasl, topic, [b""], **login)) == [0]
    with pytest.raises(KafkaError):  # aiokafka 0.14 takes a refused token for a login and asks until its limit
        asyncio.run(write(security.sasl, topic, [b""], **login | wrong, request_timeout_ms=500))
    with pytest.raises(KafkaError):
        asyncio.run(
            write(
                security.sasl, topic, [b""], **login | {"ssl_context": create_ssl_context(cafile=security.stranger_ca)}
            )
        )


def test_a_known_certificate_comes_in_and_no_other(secure_broker: Broker) -> None:
    security = secure_broker.security
    asyncio.run(create_topic(secure_broker.bootstrap, f"{TOPIC}.mtls"))
    stranger = create_ssl_context(cafile=security.ca, certfile=security.stranger_cert, keyfile=security.stranger_key)
    nobody = create_ssl_context(cafile=security.ca)

    assert asyncio.run(write(security.mtls, f"{TOPIC}.mtls", [b""], **_certificate(security))) == [0]
    for wrong in (stranger, nobody):
        with pytest.raises((KafkaError, ssl.SSLError)):
            asyncio.run(write(security.mtls, f"{TOPIC}.mtls", [b""], security_protocol="SSL", ssl_context=wrong))


def test_an_acl_shuts_out_whom_it_does_not_name(secure_broker: Broker) -> None:
    security = secure_broker.security
    asyncio.run(create_topic(secure_broker.bootstrap, f"{TOPIC}.acl"))
    kafka_tool(
        "org.apache.kafka.tools.AclCommand",
        *("--bootstrap-server", secure_broker.bootstrap, "--add", "--topic", f"{TOPIC}.acl"),
        *("--allow-principal", "User:genred", "--operation", "All"),
    )
    login = _login(security, "PLAIN")
    other = login | {"sasl_plain_username": "other", "sasl_plain_password": security.users["other"]}

    assert asyncio.run(write(security.sasl, f"{TOPIC}.acl", [b""], **login)) == [0]
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(write(security.sasl, f"{TOPIC}.acl", [b""], **other))


def test_a_cluster_goes_on_without_its_leader(cluster: Cluster) -> None:
    asyncio.run(create_topic(cluster.bootstrap, TOPIC))
    asyncio.run(write(cluster.bootstrap, TOPIC, [b"before"]))
    leader = asyncio.run(leaders(cluster.bootstrap, TOPIC))[0]

    cluster.brokers[leader].kill()

    assert asyncio.run(write(cluster.bootstrap, TOPIC, [b"after"])) == [1]
    assert [record.value for record in asyncio.run(read(cluster.bootstrap, TOPIC, 2))] == [b"before", b"after"]
    assert asyncio.run(leaders(cluster.bootstrap, TOPIC))[0] != leader
    cluster.brokers[leader].start()

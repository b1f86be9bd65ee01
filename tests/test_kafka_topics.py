"""`genred topics` and `genred check --connect` against a real broker: what is made, what is wrong, what is allowed."""

from __future__ import annotations

import asyncio
import shlex
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from daemon.kafka.cluster import Cluster, TopicFacts
from daemon.kafka.rights import Need, acl_commands, missing_rights, needs
from daemon.kafka.topics import REBUILD_S, Level, TopicNames, examine, plan
from daemon.kafka_settings import KafkaSettings, KafkaSourceSettings
from tests.kafka_broker import Broker
from tests.kafka_commands import settings_file
from tests.kafka_fixtures import MakeTopic
from tests.kafka_java import kafka_tool
from tests.kafka_topics import create_topic
from tests.process import genred

ACLS = "org.apache.kafka.tools.AclCommand"
NAMES = TopicNames("in", "windows", "tags", "dead")
GOOD = {
    "in": {"cleanup.policy": "delete", "retention.ms": "3600000", "max.message.bytes": "1048588"},
    "windows": {"cleanup.policy": "delete", "retention.ms": "3600000"},
    "tags": {"cleanup.policy": "compact"},
    "dead": {"cleanup.policy": "delete", "max.message.bytes": "1114124"},
}


def new_names() -> dict[str, str]:
    """Names of topics that are not there yet, by setting."""
    mark = uuid.uuid4().hex[:8]
    return {f"{what}_topic": f"{what}.{mark}" for what in ("input", "windows", "tags", "dead_letter")}


def settings(folder: Path, kafka: str, names: Mapping[str, str], delivery: str = "at-least-once", **more: Any) -> str:
    """A settings file with a source of kind kafka and these topics."""
    outputs = {key: name for key, name in names.items() if key != "input_topic"}
    source = {"kind": "kafka", "topic": names["input_topic"], "group": "listeners", "delivery": delivery}
    return str(settings_file(folder, {"bootstrap_servers": [kafka], **outputs}, sources=[source], **more))


def good(**changed: Mapping[str, str]) -> dict[str, TopicFacts]:
    """Topics that fit, but for what is changed in their settings."""
    return {name: TopicFacts(name, 4, 1, 0, {**GOOD[name], **changed.get(name, {})}) for name in GOOD}


def test_create_then_check_then_create_again(kafka: str, tmp_path: Path) -> None:
    names = new_names()
    file = settings(tmp_path, kafka, names)
    missing = genred("topics", "check", "-c", file)
    assert missing.returncode == 78
    assert missing.stdout.count("FAIL ") == 4
    assert "genred topics create" in missing.stderr

    created = genred("topics", "create", "-c", file, "--partitions", "3", "--retention-hours", "2")
    assert created.returncode == 0, created.stderr
    assert created.stdout.splitlines() == [f"created  {name}: 3 partitions, 1 replica" for name in names.values()]
    assert genred("topics", "check", "-c", file).returncode == 0

    again = genred("topics", "create", "-c", file, "--partitions", "7")
    assert again.returncode == 0
    assert again.stdout.splitlines() == [f"exists   {name}: 3 partitions, 1 replica" for name in names.values()]
    described = kafka_tool(
        "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", kafka, "--describe", "--topic", names["tags_topic"]
    )
    assert "cleanup.policy=compact" in described


def test_what_is_made_follows_the_input_that_is_there(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    names = new_names() | {"input_topic": make_topic("input", 5, {"max.message.bytes": "3000000"})}
    done = genred("topics", "create", "-c", settings(tmp_path, kafka, names), "--partitions", "2")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": 5 partitions") == 4
    assert genred("topics", "check", "-c", settings(tmp_path, kafka, names)).stdout.count("ok    ") == 4


def test_unfit_topics(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    names = {
        "input_topic": make_topic("input", 2, {"retention.ms": "1000", "max.message.bytes": "100000"}),
        "windows_topic": make_topic("windows", 3, {"retention.ms": "20000", "min.insync.replicas": "2"}),
        "tags_topic": make_topic("tags"),
        "dead_letter_topic": make_topic("dead"),
    }
    file = settings(tmp_path, kafka, names)
    done = genred("topics", "check", "-c", file)
    assert done.returncode == 78
    for says in (
        f"FAIL  {names['input_topic']}: keeps 1 s",
        f"WARN  {names['input_topic']}: max.message.bytes=100000",
        f"FAIL  {names['windows_topic']}: has 3 partitions, {names['input_topic']} has 2: they must be equal",
        f"FAIL  {names['windows_topic']}: keeps 20 s, less than tags.horizon_s=30",
        f"FAIL  {names['windows_topic']}: min.insync.replicas=2 of 1 replicas",
        f"FAIL  {names['tags_topic']}: is not compacted",
        f"ok    {names['dead_letter_topic']}: 1 partition, 1 replica",
    ):
        assert says in done.stdout
    assert genred("topics", "create", "-c", file).returncode == 78  # they stay as they are


def test_settings_without_a_source(kafka: str, tmp_path: Path) -> None:
    names = new_names()
    outputs = {key: name for key, name in names.items() if key != "input_topic"}
    file = str(settings_file(tmp_path, {"bootstrap_servers": [kafka], **outputs}))
    done = genred("topics", "create", "-c", file)
    assert done.returncode == 0
    assert "no input topic" in done.stdout
    assert done.stdout.count("created") == 2
    with_input = genred("topics", "create", "-c", file, "--topic", names["input_topic"])
    assert with_input.stdout.count("created") == 2
    assert with_input.stdout.count("exists") == 2


def test_topics_that_cannot_be_made(kafka: str, tmp_path: Path) -> None:
    names = new_names()
    file = settings(tmp_path, kafka, names)
    too_many = genred("topics", "create", "-c", file, "--replication-factor", "9")
    assert too_many.returncode == 78
    assert "cannot be created" in too_many.stderr
    assert len(too_many.stderr.splitlines()) == 1
    assert genred("topics", "check", "-c", file, "--topic", "another").returncode == 78
    twice = settings(tmp_path, kafka, names | {"tags_topic": names["windows_topic"]})
    assert "the same name" in genred("topics", "create", "-c", twice).stderr
    assert "kafka.bootstrap_servers" in genred("topics", "check").stderr


@pytest.mark.parametrize(
    ("topic", "config", "level", "says"),
    [
        ("in", {"retention.ms": str(REBUILD_S * 1000 - 1)}, Level.FAIL, "rebuild"),
        ("in", {"retention.ms": "-1"}, Level.OK, "4 partitions"),
        ("in", {"cleanup.policy": "compact"}, Level.FAIL, "is compacted"),
        ("in", {"cleanup.policy": "compact,delete"}, Level.FAIL, "is compacted"),
        ("in", {"message.timestamp.type": "LogAppendTime"}, Level.WARN, "LogAppendTime"),
        ("windows", {"cleanup.policy": "compact"}, Level.FAIL, "is compacted"),
        ("windows", {"retention.ms": "29999"}, Level.FAIL, "horizon"),
        ("windows", {"max.message.bytes": "1000"}, Level.FAIL, "too small"),
        ("tags", {"cleanup.policy": "compact,delete"}, Level.OK, "4 partitions"),
        ("tags", {"cleanup.policy": "delete"}, Level.FAIL, "not compacted"),
        ("dead", {"max.message.bytes": "500000"}, Level.WARN, "large bad records"),
        ("dead", {"min.insync.replicas": "nonsense"}, Level.OK, "4 partitions"),
    ],
)
def test_findings(topic: str, config: Mapping[str, str], level: Level, says: str) -> None:
    findings = [finding for finding in examine(NAMES, good(**{topic: config}), 30.0) if finding.topic == topic]
    assert [(finding.level, says in finding.text) for finding in findings] == [(level, True)]
    others = [finding for finding in examine(NAMES, good(**{topic: config}), 30.0) if finding.topic != topic]
    assert {finding.level for finding in others} == {Level.OK}


def test_topics_whose_settings_may_not_be_seen_are_said() -> None:
    hidden = {name: TopicFacts(name, 4, 1, 0) for name in GOOD} | {"windows": TopicFacts("windows", 3, 1, 0)}
    findings = examine(NAMES, hidden, 30.0)
    assert [finding.level for finding in findings] == [Level.WARN, Level.WARN, Level.FAIL, Level.WARN, Level.WARN]


def test_what_is_planned_is_found_fit() -> None:
    planned = plan(NAMES, {}, 6, 3, retention_s=7200)
    made = {new.name: TopicFacts(new.name, new.partitions, new.replicas, 0, new.config) for new in planned}
    assert {finding.level for finding in examine(NAMES, made, 3600.0)} == {Level.OK}


def test_acls(kafka: str, tmp_path: Path) -> None:
    names = new_names()
    file = settings(tmp_path, kafka, names, delivery="exactly-once")
    lines = genred("topics", "check", "-c", file).stdout.splitlines()
    commands = [shlex.split(line) for line in lines if "kafka-acls.sh" in line]
    assert {command[command.index("--bootstrap-server") + 1] for command in commands} == {kafka}
    allowed = [" ".join(command[command.index("--operation") :]) for command in commands]
    read, write = "--operation Read", "--operation Write"
    ids = f"--transactional-id listeners-{names['input_topic']}- --resource-pattern-type prefixed"
    assert allowed == [
        f"{read} --operation Describe --topic {names['input_topic']}",
        f"{read} {write} --operation Describe --topic {names['windows_topic']}",
        f"{write} --operation Describe --topic {names['tags_topic']}",
        f"{write} --operation Describe --topic {names['dead_letter_topic']}",
        f"{read} --operation Describe --group listeners",
        f"{write} --operation Describe {ids}",
        "--operation IdempotentWrite --cluster",
    ]


def test_the_printed_acls_are_enough(secure_broker: Broker) -> None:
    """Where nobody may do anything, rights are missed one by one; once the commands were run, none is."""
    mark, plain = uuid.uuid4().hex[:8], secure_broker.bootstrap
    names = TopicNames(*(f"{what}.{mark}" for what in ("in", "windows", "tags", "dead")))
    source = {"kind": "kafka", "topic": names.input, "group": f"g.{mark}", "delivery": "exactly-once"}
    wanted = needs(names, KafkaSourceSettings.model_validate(source))
    kafka = logged_in(secure_broker)
    for name in names.all:
        asyncio.run(create_topic(plain, name))
    assert lacking(kafka, wanted) == []  # without any ACL all is allowed here
    ids = next(need.name for need in wanted if need.flag == "transactional-id")
    nobody = ["--bootstrap-server", plain, "--add", "--allow-principal", "User:nobody", "--operation", "Describe"]
    everything = [word for name in names.all for word in ("--topic", name)]
    kafka_tool(ACLS, *nobody, *everything, "--group", f"g.{mark}")
    kafka_tool(ACLS, *nobody, "--transactional-id", ids, "--resource-pattern-type", "prefixed")
    missed = lacking(kafka, wanted)
    assert f"topic {names.windows}: Read and Write and Describe not allowed" in missed
    assert f"group g.{mark}: Read and Describe not allowed" in missed
    assert f"transactional-id {ids}*: Write and Describe not allowed" in missed
    for command in acl_commands(wanted, kafka.model_copy(update={"bootstrap_servers": (plain,)})):
        if "--cluster" not in command:  # the broker is shared: the cluster itself stays open
            kafka_tool(ACLS, *shlex.split(command)[1:])
    assert lacking(kafka, wanted) == []


def logged_in(broker: Broker) -> KafkaSettings:
    """The settings of the user `genred`."""
    sasl = {"mechanism": "PLAIN", "username": "genred", "password": broker.security.users["genred"]}
    table = {"bootstrap_servers": [broker.security.sasl], "tls": {"ca_file": broker.security.ca}, "sasl": sasl}
    return KafkaSettings.model_validate(table)


def lacking(kafka: KafkaSettings, wanted: list[Need]) -> list[str]:
    """The rights that the user does not have."""

    async def ask() -> list[str]:
        async with Cluster(kafka) as cluster:
            return (await missing_rights(cluster, wanted))[0]

    return asyncio.run(ask())


def test_check_connect(kafka: str, tmp_path: Path, tiny_model: Path) -> None:
    names = new_names()
    file = settings(tmp_path, kafka, names, model=str(tiny_model))
    before = genred("check", "-c", file, "--connect")
    assert before.returncode == 78
    assert f"ok    brokers: {kafka}" in before.stdout
    assert f"FAIL  topics: {names['input_topic']}: is not there" in before.stdout
    assert "rights" not in before.stdout
    assert genred("topics", "create", "-c", file).returncode == 0
    after = genred("check", "-c", file, "--connect").stdout
    assert f"ok    topics: {names['input_topic']}" in after
    assert f"ok    rights: topic {names['input_topic']}" in after

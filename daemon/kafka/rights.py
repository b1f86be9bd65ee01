"""The rights that a genred principal needs, as ACL commands, and whether it has them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.kafka.cluster import Cluster
from daemon.kafka.operations import Operation
from daemon.kafka.topics import TopicNames
from daemon.kafka_settings import Delivery, KafkaSettings, KafkaSourceSettings

ANYBODY = "genred"  # in the commands, where the settings name no user


@dataclass(frozen=True, slots=True)
class Need:
    """Operations on a resource; `flag` names its kind as kafka-acls.sh does, an empty name is the cluster itself."""

    flag: str
    name: str
    operations: tuple[Operation, ...]
    prefixed: bool = False

    @property
    def label(self) -> str:
        """`topic audio.chunks`."""
        if not self.name:
            return f"{self.flag} ({', '.join(operation.label for operation in self.operations)})"
        return f"{self.flag} {self.name}{'*' if self.prefixed else ''}"


def transactional_id_prefix(source: KafkaSourceSettings) -> str:
    """How the transactional ids of a source's partitions begin."""
    return f"{source.group}-{source.topic}-"


def needs(names: TopicNames, source: KafkaSourceSettings | None) -> list[Need]:
    """What `genred run` must be allowed."""
    read, write, describe = Operation.READ, Operation.WRITE, Operation.DESCRIBE
    wanted = []
    if names.input is not None:
        wanted.append(Need("topic", names.input, (read, describe)))
    rebuilt = (read, write, describe) if names.input is not None else (write, describe)
    wanted.append(Need("topic", names.windows, rebuilt))
    written = (names.tags, names.dead_letter) if names.input is not None else (names.tags,)
    wanted += [Need("topic", name, (write, describe)) for name in written]
    if source is not None:
        wanted.append(Need("group", source.group, (read, describe)))
        if source.delivery is Delivery.EXACTLY_ONCE:
            prefix = transactional_id_prefix(source)
            wanted.append(Need("transactional-id", prefix, (write, describe), prefixed=True))
            wanted.append(Need("cluster", "", (Operation.IDEMPOTENT_WRITE,)))
    return wanted


def acl_commands(wanted: Sequence[Need], kafka: KafkaSettings) -> list[str]:
    """A command of Kafka's own tool for each need; whoever runs it adds --command-config for his own login."""
    user = kafka.sasl.username if kafka.sasl is not None and kafka.sasl.username else ANYBODY
    head = ["kafka-acls.sh", "--bootstrap-server", kafka.bootstrap_servers[0], "--add"]
    return [
        shlex.join(
            [*head, "--allow-principal", f"User:{user}"]
            + [word for operation in need.operations for word in ("--operation", operation.label)]
            + [f"--{need.flag}", *([need.name] if need.name else [])]
            + (["--resource-pattern-type", "prefixed"] if need.prefixed else [])
        )
        for need in wanted
    ]


async def missing_rights(cluster: Cluster, wanted: Sequence[Need]) -> tuple[list[str], list[str]]:
    """What this client lacks, and what nobody can tell without trying; a line each."""
    topics, on_cluster = await cluster.topic_rights([need.name for need in wanted if need.flag == "topic"])
    lacking: list[str] = []
    unproven: list[str] = []
    for need in wanted:
        match need.flag:
            case "topic":
                lacking += _lacking(need, topics.get(need.name, set()))
            case "group":
                has = await cluster.group_rights(need.name)
                lacking += _lacking(need, has) if has is not None else []
                unproven += [] if has is not None else [f"{need.label}: the broker does not say"]
            case "transactional-id":
                may = await cluster.may_describe_transactions(f"{need.name}0")
                lacking += [] if may else _lacking(need, set())
                unproven += [f"{need.label}: Write shows at the first transaction only"] if may else []
            case _:
                # Kafka 2.8 and newer take the right to write to any topic instead.
                writes = any(Operation.WRITE in has for has in topics.values())
                lacking += [] if writes else _lacking(need, on_cluster or set())
    return lacking, unproven


def _lacking(need: Need, has: set[Operation]) -> Iterator[str]:
    lacks = [operation.label for operation in need.operations if operation not in has]
    if lacks:
        yield f"{need.label}: {' and '.join(lacks)} not allowed"

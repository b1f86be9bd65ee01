"""What an operator asks of a cluster: its topics and their settings, new topics, this client's rights."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest

from daemon.errors import KafkaUnavailable, SettingsError
from daemon.kafka.connection import ClusterFacts, connection_options, reachable
from daemon.kafka.operations import AuthorizedGroupRequest, AuthorizedMetadataRequest, Operation, operations
from daemon.kafka_settings import KafkaSettings

TOPIC_RESOURCE = 2
GROUP_COORDINATOR, TRANSACTION_COORDINATOR = 0, 1
DENIED = (GroupAuthorizationFailedError.errno, TransactionalIdAuthorizationFailed.errno)
CREATED_WITHIN_S, LOOK_EVERY_S = 15.0, 0.05


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic that is there. `replicas` is the least of its partitions; `config` is empty where it may not be seen."""

    name: str
    partitions: int
    replicas: int
    leaderless: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def described(self) -> str:
        """`8 partitions, 3 replicas`."""
        counts = ((self.partitions, "partition"), (self.replicas, "replica"))
        return ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts)


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to be made."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]


class Cluster:
    """A connection for questions; `async with` opens it, and raises KafkaUnavailable when nobody answers."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        self.facts: ClusterFacts = await reachable(self._settings)
        self._client = AIOKafkaClient(**connection_options(self._settings))
        try:
            await self._client.bootstrap()
        except KafkaError as error:
            await self._client.close()
            raise KafkaUnavailable(f"{self.facts.bootstrap} went away: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def topics(self, names: Sequence[str]) -> dict[str, TopicFacts]:
        """The topics of these names that are there and may be seen; none is made by asking."""
        answer = await self._ask(MetadataRequest(list(names), allow_auto_topic_creation=False))
        found = [topic for topic in answer.to_object()["topics"] if not topic["error_code"]]
        configs = await self._configs([topic["topic"] for topic in found])
        return {topic["topic"]: _facts(topic, configs.get(topic["topic"], {})) for topic in found}

    async def create(self, topics: Sequence[NewTopic]) -> list[str]:
        """Make topics and wait until each can be written to; the names of those that were not there before."""
        requests: list[Any] = [
            (topic.name, topic.partitions, topic.replicas, [], list(topic.config.items())) for topic in topics
        ]
        limit_ms = round(CREATED_WITHIN_S * 1000)
        controller = self._client.cluster.controller
        node = controller.nodeId if controller is not None else None
        answer = await self._ask(CreateTopicsRequest(requests, limit_ms, False), node)
        created = []
        for name, code, message in answer.topic_errors:
            kind = for_code(code)
            if kind is not TopicAlreadyExistsError and code:
                raise SettingsError(f"topic {name} cannot be created: {message or kind.description or kind.__name__}")
            if not code:
                created.append(name)
        await self._wait_for_leaders(created)
        return created

    async def topic_rights(self, names: Sequence[str]) -> tuple[dict[str, set[Operation]], set[Operation] | None]:
        """What this client may do with each topic that is there, and with the cluster (None: the broker is silent)."""
        answer = (await self._ask(AuthorizedMetadataRequest(list(names)))).to_object()
        denied = TopicAuthorizationFailedError.errno
        topics = {
            topic["topic"]: operations(topic["authorized_operations"]) or set()
            for topic in answer["topics"]
            if topic["error_code"] in (0, denied)
        }
        return topics, operations(answer["cluster_authorized_operations"])

    async def group_rights(self, group: str) -> set[Operation] | None:
        """What this client may do with a consumer group; None when the broker does not say."""

        async def describe() -> tuple[int, Any]:
            node = await self._coordinator(group, GROUP_COORDINATOR)
            if node is None:
                return GroupAuthorizationFailedError.errno, None
            answer = (await self._ask(AuthorizedGroupRequest(group), node)).groups[0]
            return answer[0], answer[-1]

        code, bits = await self._patiently(describe, f"group {group}")
        return set() if code else operations(bits)

    async def may_describe_transactions(self, transactional_id: str) -> bool:
        """Whether this client may ask for the coordinator of a transactional id, which takes the right Describe."""
        return await self._coordinator(transactional_id, TRANSACTION_COORDINATOR) is not None

    async def _coordinator(self, key: str, kind: int) -> int | None:
        """The broker that coordinates `key`; None when this client may not know it."""

        async def find() -> tuple[int, Any]:
            answer = await self._ask(FindCoordinatorRequest(key, kind))
            return answer.error_code, answer.coordinator_id

        code, node = await self._patiently(find, f"the coordinator of {key}")
        return None if code else int(node)

    async def _patiently(self, question: Callable[[], Awaitable[tuple[int, Any]]], what: str) -> tuple[int, Any]:
        """The answer: 0 and a value, or the code of a refusal. A coordinator may first have to load what it knows."""
        deadline = asyncio.get_running_loop().time() + CREATED_WITHIN_S
        while True:
            code, value = await question()
            if not code or code in DENIED:
                return code, value
            if not for_code(code).retriable or asyncio.get_running_loop().time() > deadline:
                raise KafkaUnavailable(f"{self.facts.bootstrap} cannot say about {what}: {for_code(code).__name__}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        answer = await self._ask(DescribeConfigsRequest([(TOPIC_RESOURCE, name, None) for name in names]))
        return {
            name: {entry[0]: entry[1] or "" for entry in entries}
            for code, _, _, name, entries in answer.resources
            if not code
        }

    async def _wait_for_leaders(self, names: Sequence[str]) -> None:
        deadline = asyncio.get_running_loop().time() + CREATED_WITHIN_S
        while names and asyncio.get_running_loop().time() < deadline:
            answer = await self._ask(MetadataRequest(list(names), allow_auto_topic_creation=False))
            if not any(t["error_code"] or _facts(t, {}).leaderless for t in answer.to_object()["topics"]):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ask(self, request: Any, node: int | None = None) -> Any:
        node = self._client.get_random_node() if node is None else node
        try:
            return await self._client.send(node, request)
        except KafkaError as error:
            raise KafkaUnavailable(f"{self.facts.bootstrap} does not answer any more: {error}") from error


def _facts(topic: Mapping[str, Any], config: Mapping[str, str]) -> TopicFacts:
    partitions = topic["partitions"]
    return TopicFacts(
        name=topic["topic"],
        partitions=len(partitions),
        replicas=min((len(partition["replicas"]) for partition in partitions), default=0),
        leaderless=sum(partition["leader"] < 0 for partition in partitions),
        config=config,
    )

"""`genred check --connect`: whether the brokers, the topics and the rights are what a start needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from daemon.errors import SettingsError
from daemon.kafka.cluster import Cluster
from daemon.kafka.connection import reachable
from daemon.kafka.rights import missing_rights, needs
from daemon.kafka.topics import Level, examine, failures, kafka_source, topic_names
from daemon.settings import Settings


def connected_checks(settings: Settings) -> Sequence[tuple[str, Callable[[Settings], str]]]:
    """The checks that contact the cluster, each of use only if the one before it was passed."""
    if not settings.kafka.bootstrap_servers:
        return [("brokers", lambda _: "none asked for; no kafka.bootstrap_servers")]
    return [("brokers", _check_brokers), ("topics", _check_topics), ("rights", _check_rights)]


def _check_brokers(settings: Settings) -> str:
    facts = asyncio.run(reachable(settings.kafka))
    trouble = "".join(f"; but {one}" for one in facts.unreachable)
    return f"{', '.join(facts.brokers)} (cluster {facts.cluster_id}){trouble}"


def _check_topics(settings: Settings) -> str:
    names = topic_names(settings)

    async def ask() -> str:
        async with Cluster(settings.kafka) as cluster:
            findings = examine(names, await cluster.topics(names.all), settings.tags.horizon_s)
        wrong = failures(findings)
        if wrong:
            raise SettingsError("; ".join(wrong))
        return "; ".join(
            f"{finding.topic}: {finding.text}" if finding.level is Level.WARN else finding.topic for finding in findings
        )

    return asyncio.run(ask())


def _check_rights(settings: Settings) -> str:
    wanted = needs(topic_names(settings), kafka_source(settings))

    async def ask() -> str:
        async with Cluster(settings.kafka) as cluster:
            lacking, unproven = await missing_rights(cluster, wanted)
        if lacking:
            raise SettingsError(f"{'; '.join(lacking)} (genred topics check prints the ACLs)")
        return "; ".join([", ".join(need.label for need in wanted), *(f"not proven: {one}" for one in unproven)])

    return asyncio.run(ask())

"""`genred topics`: create what is missing, check what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import typer

from daemon.errors import SettingsError
from daemon.kafka.cluster import Cluster
from daemon.kafka.rights import acl_commands, needs
from daemon.kafka.topics import (
    USUAL_REPLICAS,
    Finding,
    TopicNames,
    examine,
    failures,
    kafka_source,
    plan,
    topic_names,
)
from daemon.settings import Settings


def run_create(
    settings: Settings, topic: str | None, partitions: int, replication_factor: int | None, retention_hours: float
) -> None:
    """Create the topics that are missing; those that are there stay as they are, and are examined.

    `retention_hours` is how long the input's audio stays. SettingsError when topics do not fit in the end.
    """
    names = topic_names(settings, topic)
    asyncio.run(_create(settings, names, partitions, replication_factor, retention_hours * 3600))


def run_check(settings: Settings, topic: str | None) -> None:
    """Say what is wrong with the topics, and print the ACLs that genred needs. SettingsError when they are unfit."""
    names = topic_names(settings, topic)
    asyncio.run(_check(settings, names))


async def _create(
    settings: Settings, names: TopicNames, partitions: int, replication_factor: int | None, retention_s: float
) -> None:
    async with Cluster(settings.kafka) as cluster:
        there = await cluster.topics(names.all)
        replicas = replication_factor or min(USUAL_REPLICAS, len(cluster.facts.brokers))
        wanted = plan(names, there, partitions, replicas, retention_s)
        created = await cluster.create(wanted) if wanted else []
        there = await cluster.topics(names.all)
        for name in names.all:
            what = "created" if name in created else "exists"
            facts = there.get(name)
            typer.echo(f"{what:<8} {name}" + (f": {facts.described}" if facts is not None else ""))
        _without_input(names)
        findings = examine(names, there, settings.tags.horizon_s)
    wrong = [finding for finding in findings if finding.level != "ok"]
    _conclude(wrong, findings)


async def _check(settings: Settings, names: TopicNames) -> None:
    async with Cluster(settings.kafka) as cluster:
        findings = examine(names, await cluster.topics(names.all), settings.tags.horizon_s)
        _without_input(names)
    try:
        _conclude(findings, findings)
    finally:
        typer.echo("what genred run must be allowed, where the cluster has an authorizer:")
        for command in acl_commands(needs(names, kafka_source(settings)), settings.kafka):
            typer.echo(f"  {command}")


def _without_input(names: TopicNames) -> None:
    if names.input is None:
        typer.echo("no input topic: the settings have no source of kind kafka; name one with --topic")


def _conclude(shown: Sequence[Finding], findings: Sequence[Finding]) -> None:
    for finding in shown:
        typer.echo(f"{finding.level:<5} {finding.topic}: {finding.text}")
    wrong = failures(findings)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise SettingsError(f"{wrong[0]}{more}")

"""What breaks first when streams are added to one group on one small cluster, in order, each with its remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.bench.scale_costs import StreamCost, stream_cost, windows_per_s
from daemon.bench.scale_group import largest_group
from daemon.bench.scale_measured import Assumed, Measured, StreamFormat
from daemon.bench.scale_plan import PRODUCER_CONNECTIONS, SMALLEST_CLUSTER, TOPICS, expected_hottest

DEFAULT_AUDIO_H, DEFAULT_WINDOWS_H = 24.0, 168.0  # what `genred topics create` makes


@dataclass(frozen=True, slots=True)
class Break:
    """A limit: at how many streams it is met, what happens then, and what to do."""

    streams: float
    what: str
    then: str
    remedy: str


def breaks(measured: Measured, assumed: Assumed, audio: StreamFormat) -> list[Break]:
    """All known limits, the first one first."""
    cost = stream_cost(measured, assumed, audio)
    return sorted([*_of_workers(measured, assumed, audio), *_of_brokers(measured, assumed, audio, cost)], key=_order)


def _order(one: Break) -> float:
    return one.streams


def _of_workers(measured: Measured, assumed: Assumed, audio: StreamFormat) -> list[Break]:
    capacity = windows_per_s(measured, assumed, audio) * assumed.hop_s
    loop_ceiling = 1000 / measured.loop_ms_per_window * assumed.hop_s
    group = largest_group(measured, assumed)
    record_members = (
        assumed.group_record_mb * 1e6
        / (measured.group_bytes_per_member + measured.group_bytes_per_partition * assumed.partitions_per_worker)
    )  # fmt: skip
    mean = assumed.target_load * capacity
    overloaded = next(n for n in range(2, 1 << 24) if expected_hottest(mean, n) > capacity)
    return [
        Break(
            capacity,
            "one core",
            "the neural network takes it all: the lag grows",
            "more workers; a faster engine moves every number of workers on this page",
        ),
        Break(
            overloaded * mean,
            "keys that are hashed",
            f"of {overloaded:,} workers at 70 % load the fullest is expected to be full: its streams lag for ever, "
            "for partitions are dealt out by number, not by load",
            "fewer streams a worker (the deployments above keep the fullest at "
            f"{assumed.hot_load:.0%}), producers that choose partitions evenly, or larger workers",
        ),
        Break(
            loop_ceiling,
            "the event loop of one process",
            "records are read and results written by one thread: no engine and no GPU makes a process faster",
            "several processes a machine, longer chunks, less JSON",
        ),
        Break(
            group * assumed.target_load * capacity,
            f"a group of more than {group:,} workers",
            "the leader deals out for longer than its session: it is thought dead, the next one begins anew, and the "
            "group never settles",
            "cells; a longer session_timeout_s moves it with its square root, and crashes are noticed later",
        ),
        Break(
            record_members * assumed.target_load * capacity,
            f"a group of more than {record_members:,.0f} workers",
            "its record is larger than the offsets topic takes: no rebalance ends",
            "cells",
        ),
    ]


def _of_brokers(measured: Measured, assumed: Assumed, audio: StreamFormat, cost: StreamCost) -> list[Break]:
    defaults = replace(assumed, audio_retention_h=DEFAULT_AUDIO_H, windows_retention_h=DEFAULT_WINDOWS_H)
    kept = stream_cost(measured, defaults, audio).disk_bytes
    written = assumed.replicas * (cost.in_bytes_per_s + cost.out_bytes_per_s)
    workers = assumed.cluster_partitions / (TOPICS * assumed.replicas * assumed.partitions_per_worker)
    capacity = windows_per_s(measured, assumed, audio) * assumed.hop_s
    return [
        Break(
            SMALLEST_CLUSTER * assumed.broker_disk_tb * 1e12 / kept,
            f"{SMALLEST_CLUSTER} brokers' disks, with the retention that `genred topics create` makes",
            "the disks are full",
            "audio for 2 h and windows for 24 h: a take-over needs 10 min; compressed audio",
        ),
        Break(
            SMALLEST_CLUSTER * assumed.broker_write_mb_s * 1e6 / written,
            f"what {SMALLEST_CLUSTER} brokers can write",
            "producers wait, and results with them",
            "more brokers; compressed audio, which costs workers instead",
        ),
        Break(
            SMALLEST_CLUSTER * assumed.broker_requests_hz / (cost.records_in_hz + cost.records_out_hz),
            f"requests of single producers to {SMALLEST_CLUSTER} brokers",
            "the brokers' request queues grow",
            "gateways that send many streams in one request; longer chunks",
        ),
        Break(
            SMALLEST_CLUSTER * assumed.broker_connections / PRODUCER_CONNECTIONS,
            f"connections of single producers to {SMALLEST_CLUSTER} brokers",
            "brokers run out of memory and file handles, and a restart is a storm",
            "gateways; more brokers",
        ),
        Break(
            workers * assumed.target_load * capacity,
            "partitions of one cluster",
            f"{assumed.cluster_partitions:,.0f} replicas: failovers and starts of brokers take minutes",
            "several clusters, each with cells of its own; producers must know which is theirs",
        ),
        Break(
            assumed.cluster_brokers * assumed.broker_write_mb_s * 1e6 / written,
            f"what {assumed.cluster_brokers:.0f} brokers can write",
            "a cluster grows no further",
            "several clusters",
        ),
    ]

"""What befalls a consumer group in the simulation, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from daemon.bench.scale_latency import Latencies


class Kind(IntEnum):
    """What happens."""

    DOWN = 0
    EXPIRED = 1
    BACK = 2
    UPGRADE = 3
    BROKER = 4


class Event(NamedTuple):
    """Something that happens at `at_s`; `number` keeps those of one time in order."""

    at_s: float
    number: int
    kind: Kind
    workers: tuple[int, ...] = ()
    back_after_s: float = 0.0
    share: float = 0.0  # of the partitions, whose broker is gone


@dataclass(frozen=True, slots=True)
class Scenario:
    """A group and its days. `capacity`: streams that a worker can do; `spread`: streams are hashed to partitions."""

    workers: int
    streams_per_worker: float
    capacity: float
    static: bool
    days: float = 7.0
    spread: bool = True
    brokers: int = 3
    failures: bool = True
    upgrades: bool = True
    zone_loss: bool = True
    replay_bytes_per_stream: float = 0.0
    replay_bytes_per_s: float = float("inf")  # what the brokers give this group for take-overs


@dataclass(slots=True)
class Outcome:
    """What came of it. `rebalancing_share`: of the time, in which the group was being dealt out."""

    latencies: Latencies = field(default_factory=Latencies)
    windows_in: float = 0.0
    backlog: float = 0.0
    windows_lost: float = 0.0
    tags_repeated: float = 0.0
    longest_outage_s: float = 0.0
    longest_lag_s: float = 0.0
    rebalances: int = 0
    rebalancing_share: float = 0.0
    downs: int = 0
    settled: bool = True
    groups: int = 1

    def quantile_s(self, share: float) -> float:
        """The added latency that `share` of all windows do not exceed; those that did not come out waited for ever."""
        if share * self.windows_in > self.latencies.windows:
            return float("inf")
        return self.latencies.quantile_s(share * self.windows_in / self.latencies.windows)

    @property
    def unaccounted(self) -> float:
        """Windows that are neither out nor waiting nor lost: rounding, or a mistake in here."""
        return self.windows_in - self.latencies.windows - self.backlog - self.windows_lost

"""The figures of `genred bench scale` and of docs/scaling.md: costs, deployments, simulated weeks. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from daemon.bench.scale_costs import StreamCost, stream_cost, windows_per_s
from daemon.bench.scale_group import GroupLimits, largest_group, limits
from daemon.bench.scale_measured import FORMATS, Assumed, Measured, StreamFormat
from daemon.bench.scale_plan import Plan, plan
from daemon.bench.scale_scenario import Outcome, Scenario
from daemon.bench.scale_simulation import simulate

SIZES = (1_000, 100_000, 10_000_000)
SEED = 2026
DAYS = 7.0
MOST_GROUPS, MOST_WORKERS = 10, 2000  # are simulated of groups that are alike, but one group at least
GROUP_SIZES = (10, 30, 100, 300, 600, 1000, 2000)
SWEPT_STREAMS = 200_000
STOPS_S = (5.0, 15.0, 36.0, 120.0)
RECOVERIES_S = (30.0, 60.0, 300.0)
SHARES = (0.5, 0.99, 0.999, 0.9999)


@dataclass(frozen=True, slots=True)
class Week:
    """A simulated week of groups that are alike. `added_s`: seconds of added latency for each of SHARES."""

    name: str
    static: bool
    workers: int
    cells: int
    simulated: int
    outcome: Outcome

    @property
    def added_s(self) -> list[float]:
        """Quantiles of the added latency, seconds."""
        return [self.outcome.quantile_s(share) for share in SHARES]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything. `weeks`: the deployments of `plans` in `audio`, and their workers as one group; `sweep`: the same
    workers in cells of any size.
    """

    measured: Measured
    assumed: Assumed
    audio: StreamFormat
    costs: list[tuple[StreamFormat, float, StreamCost]]
    plans: list[Plan]
    weeks: list[Week]
    sweep: list[Week]
    limits: list[GroupLimits]
    largest_group: int

    def as_json(self) -> dict[str, Any]:
        """The figures for a JSON file; what never ends is null."""
        return {
            "measured": asdict(self.measured),
            "assumed": asdict(self.assumed),
            "per_stream": [
                {"format": audio.name, "worker_windows_per_s": rate, **asdict(cost)} for audio, rate, cost in self.costs
            ],
            "deployments": [{**asdict(one), "audio": one.audio.name, "cores": one.cores} for one in self.plans],
            "weeks": [_week_json(week) for week in self.weeks],
            "group_sizes": [_week_json(week) for week in self.sweep],
            "group_limits": [asdict(one) for one in self.limits],
            "largest_group_that_settles": self.largest_group,
        }


def report(
    streams: Sequence[int],
    audio: StreamFormat,
    measured: Measured,
    assumed: Assumed,
    zstd: bool = False,
    simulated: bool = True,
) -> Report:
    """Reckon, and simulate, for these numbers of streams; `audio` is how they arrive in the simulations."""
    costs = [(one, windows_per_s(measured, assumed, one), stream_cost(measured, assumed, one, zstd)) for one in FORMATS]
    plans = [plan(count, one, measured, assumed, zstd) for count in streams for one in FORMATS]
    weeks, sweep = [], []
    if simulated:
        weeks = [
            one for count in streams for one in weeks_of(plan(count, audio, measured, assumed, zstd), measured, assumed)
        ]
        swept = plan(SWEPT_STREAMS, audio, measured, assumed, zstd)
        sizes = [size for size in GROUP_SIZES if size < swept.workers] + [swept.workers]
        sweep = [week(swept, size, static, measured, assumed) for static in (True, False) for size in sizes]
    each = assumed.partitions_per_worker
    group_sizes = (10, 100, 300, 1000, 2000, 3000, 10_000)
    bounds = [limits(measured, assumed, size, round(size * each)) for size in group_sizes]
    return Report(measured, assumed, audio, costs, plans, weeks, sweep, bounds, largest_group(measured, assumed))


def weeks_of(found: Plan, measured: Measured, assumed: Assumed) -> list[Week]:
    """The deployment with either membership; and, where it has many cells, the same workers as one group."""
    weeks = [week(found, found.cell_workers, static, measured, assumed) for static in (True, False)]
    return [*weeks, week(found, found.workers, True, measured, assumed)] if found.cells > 1 else weeks


def week(found: Plan, group: int, static: bool, measured: Measured, assumed: Assumed) -> Week:
    """A week of the deployment's workers, in groups of `group`; of many groups, some are simulated."""
    cells = math.ceil(found.workers / group)
    simulated = max(1, min(cells, MOST_GROUPS, MOST_WORKERS // group))
    scenario = Scenario(
        workers=group,
        streams_per_worker=found.streams_per_worker,
        capacity=windows_per_s(measured, assumed, found.audio) * assumed.hop_s,
        static=static,
        days=DAYS,
        brokers=math.ceil(found.brokers / found.clusters),
        replay_bytes_per_stream=found.cost.replay_bytes,
        replay_bytes_per_s=0.5 * assumed.broker_out_mb_s * 1e6 * found.brokers / cells,
    )
    name = f"{found.streams:,} streams"
    return Week(name, static, group, cells, simulated, simulate(scenario, measured, assumed, SEED, simulated))


def highest_load(stop_s: float, recovery_s: float, capacity_left: float = 1.0) -> float:
    """The highest load at which a standstill of `stop_s` seconds is made good within `recovery_s` seconds after it.

    During the recovery what waited and what comes must be done: load x (stop + recovery) = capacity x recovery.
    `capacity_left`: the part of the workers that is there for it.
    """
    return capacity_left * recovery_s / (stop_s + recovery_s)


def _week_json(found: Week) -> dict[str, Any]:
    outcome = found.outcome
    numbers = {
        **{f"added_p{100 * share:g}_s": value for share, value in zip(SHARES, found.added_s, strict=True)},
        "longest_outage_s": outcome.longest_outage_s,
        "longest_lag_s": outcome.longest_lag_s,
    }
    return {
        "name": found.name,
        "static": found.static,
        "workers_in_a_group": found.workers,
        "groups": found.cells,
        "groups_simulated": found.simulated,
        "settled": outcome.settled,
        **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
        "rebalances": outcome.rebalances,
        "rebalancing_share": outcome.rebalancing_share,
        "windows_in": outcome.windows_in,
        "windows_out": outcome.latencies.windows,
        "windows_waiting": outcome.backlog,
        "windows_lost": outcome.windows_lost,
        "windows_unaccounted": outcome.unaccounted,
        "tags_repeated": outcome.tags_repeated,
    }

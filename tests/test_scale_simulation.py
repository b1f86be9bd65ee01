"""The simulation: cases reckoned by hand, nothing lost, the same by the same seed, and what must grow with what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.bench.scale_fluid import Partitions
from daemon.bench.scale_group import deal, largest_group, limits
from daemon.bench.scale_latency import Latencies
from daemon.bench.scale_measured import Assumed, Measured
from daemon.bench.scale_report import highest_load
from daemon.bench.scale_scenario import Event, Kind, Outcome, Scenario
from daemon.bench.scale_simulation import DAY_S, Group, simulate

EDGE = 1.024  # latencies are known to the next edge of the grid
CALM = {"failures": False, "upgrades": False, "zone_loss": False, "spread": False}
MEASURED = replace(Measured(), take_over_s=0.0, take_over_ms_per_stream=0.0)


def fluid(streams: list[float], owner: list[int], capacity: float, retention_s: float = 1e9) -> Partitions:
    """Partitions of workers that are numbered from 0; a window a second and stream."""
    return Partitions(np.array(streams), np.array(owner), max(owner) + 1, capacity, 1.0, retention_s)


def all_until(partitions: Partitions, at_s: float) -> np.ndarray:
    """The same time for every partition."""
    return np.full(len(partitions.streams), at_s)


def balanced(partitions: Partitions) -> None:
    """What came in is out, waits, or is lost."""
    there = partitions.windows_out + partitions.backlog + partitions.windows_lost
    assert there == pytest.approx(partitions.windows_in, rel=1e-9, abs=1e-6)


def one_crash(static: bool, workers: int = 10, restart_s: float = 15.0, load: float = 0.5) -> Outcome:
    """A day on which one worker of ten crashes once."""
    scenario = Scenario(workers, 100 * load, 100.0, static, days=1.0, **CALM)
    group = Group(scenario, MEASURED, Assumed(), 1)
    group.schedule(1000.0, Kind.DOWN, (3,), restart_s)
    return group.run()


def test_a_standstill_drains_at_the_spare_capacity() -> None:
    partitions = fluid([60.0], [0], 100.0)
    partitions.stand_still(all_until(partitions, 20.0), np.array([True]))
    partitions.flow(all_until(partitions, 49.0))
    assert partitions.lag_s[0] == pytest.approx(20 - 29 * 40 / 60)
    partitions.flow(all_until(partitions, 50.0))
    assert partitions.lag_s[0] == pytest.approx(0, abs=1e-6)  # 20 s x 60 streams / 40 to spare
    assert partitions.latencies.quantile_s(0.5) == pytest.approx(10, rel=0.03)  # evenly from 20 s to none
    assert partitions.latencies.quantile_s(1) == pytest.approx(20, rel=0.03)
    balanced(partitions)


def test_who_lags_has_what_the_others_leave() -> None:
    partitions = fluid([30.0, 30.0], [0, 0], 100.0)
    partitions.stand_still(np.array([20.0, 0.0]), np.array([True, False]))
    partitions.flow(all_until(partitions, 20.0), np.array([False, True]))
    partitions.flow(all_until(partitions, 30.0))
    assert list(partitions.lag_s) == pytest.approx([20 - 10 * 40 / 30, 0])
    partitions.flow(all_until(partitions, 35.0))
    assert partitions.lag_s[0] == pytest.approx(0, abs=1e-6)
    balanced(partitions)


def test_overload_makes_all_lag_and_retention_ends_it() -> None:
    partitions = fluid([60.0, 60.0], [0, 0], 100.0, retention_s=10.0)
    partitions.flow(all_until(partitions, 30.0))
    assert list(partitions.lag_s) == pytest.approx([5.0, 5.0])  # 20 of 120 streams are too many
    partitions.flow(all_until(partitions, 90.0))
    assert partitions.windows_lost == pytest.approx(5 * 120)
    balanced(partitions)


@given(
    st.lists(st.tuples(st.floats(0.1, 50), st.integers(0, 3), st.floats(0, 30)), min_size=1, max_size=8),
    st.lists(st.floats(0.01, 50), min_size=1, max_size=6),
)
def test_no_window_appears_or_vanishes(rows: list[tuple[float, int, float]], steps_s: list[float]) -> None:
    partitions = fluid([row[0] for row in rows], [row[1] for row in rows], 60.0)
    stopped_s = np.array([row[2] for row in rows])
    partitions.stand_still(stopped_s, stopped_s > 0)
    at_s = 30.0
    partitions.stand_still(all_until(partitions, at_s), np.ones(len(rows), dtype=bool))
    for step_s in steps_s:
        at_s += step_s
        partitions.flow(all_until(partitions, at_s))
        balanced(partitions)
        assert (partitions.lag_s >= 0).all()
        assert partitions.now_s == pytest.approx(all_until(partitions, at_s))


def test_latencies_are_counted_to_the_next_edge() -> None:
    latencies = Latencies()
    latencies.add_prompt(90.0)
    latencies.add(np.array([0.0, 5.0]), np.array([10.0, 5.0]), np.array([9.0, 1.0]))
    assert latencies.windows == 100
    assert latencies.quantile_s(0.9) == 0
    assert 9 <= latencies.quantile_s(0.991) <= 9.2 * EDGE
    assert latencies.share_above(20.0) == 0
    assert latencies.share_above(0.0) == pytest.approx(0.1)


def test_a_crash_under_static_membership_stops_its_own_streams_only() -> None:
    found = one_crash(static=True)
    assert found.rebalances == 0
    assert found.longest_outage_s == pytest.approx(15)
    # A tenth of the windows of 15 s / (1 - load), evenly from 15 s to none.
    late = 0.1 * 15 / 0.5 / DAY_S
    assert found.latencies.share_above(1.0) == pytest.approx(late * 14 / 15, rel=0.01)


def test_a_crash_under_dynamic_membership_stops_all_until_the_session_is_over() -> None:
    found = one_crash(static=False)
    assert found.rebalances == 1
    assert 30 <= found.longest_outage_s <= 30.5  # of the dead worker's streams; the others stood still from 15 s on
    late = 15 / 0.5 / DAY_S
    assert found.latencies.share_above(1.0) > 0.6 * late


def test_a_lost_node_is_replaced_by_the_others_and_comes_back() -> None:
    found = one_crash(static=True, restart_s=360.0)
    assert found.rebalances == 2
    assert 30 <= found.longest_outage_s <= 36
    assert found.windows_lost == 0


def test_a_group_that_is_too_large_never_settles() -> None:
    largest = largest_group(Measured(), Assumed())
    each = Assumed().partitions_per_worker
    assert limits(Measured(), Assumed(), largest, round(each * largest)).settles
    assert not limits(Measured(), Assumed(), largest + 2, round(each * (largest + 2))).settles
    group = Group(Scenario(largest + 100, 50, 100, static=False, days=1, **CALM), Measured(), Assumed(), 1)
    group.schedule(1000.0, Kind.DOWN, (3,), 15.0)
    found = group.run()
    assert not found.settled
    assert found.quantile_s(0.5) == float("inf")
    assert found.unaccounted == pytest.approx(0, abs=1e-3)


def test_recovery_takes_as_long_as_the_formula_says() -> None:
    load = highest_load(30.0, 60.0)
    partitions = fluid([100 * load], [0], 100.0)
    partitions.stand_still(all_until(partitions, 30.0), np.array([True]))
    partitions.flow(all_until(partitions, 89.9))
    assert partitions.lag_s[0] > 0
    partitions.flow(all_until(partitions, 90.01))
    assert partitions.lag_s[0] == 0


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.floats(5, 90), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1), st.floats(0.5, 3))
def test_a_week_loses_nothing_and_repeats_itself(
    workers: int, streams: float, static: bool, spread: bool, seed: int, days: float
) -> None:
    rough = replace(Assumed(), worker_mtbf_d=1.0, node_mtbf_d=5.0, broker_mtbf_d=2.0, audio_retention_h=1e6)
    scenario = Scenario(workers, streams, 100.0, static, days=days, spread=spread)
    found, again = (simulate(scenario, Measured(), rough, seed) for _ in range(2))
    assert found.unaccounted == pytest.approx(0, abs=1e-6 * max(1.0, found.windows_in))
    assert found.windows_lost == 0
    assert found.settled
    assert (found.windows_in, found.longest_outage_s, found.rebalances, found.tags_repeated) == (
        again.windows_in, again.longest_outage_s, again.rebalances, again.tags_repeated,
    )  # fmt: skip
    assert (found.latencies.below() == again.latencies.below()).all()


def test_another_seed_is_another_week() -> None:
    scenario = Scenario(30, 60, 100.0, static=False)
    one, other = (simulate(scenario, Measured(), Assumed(), seed) for seed in (1, 2))
    assert one.longest_outage_s != other.longest_outage_s


def test_larger_groups_stand_still_longer() -> None:
    shares = [simulate(Scenario(workers, 60, 100.0, static=False), Measured(), Assumed(), 1).rebalancing_share
              for workers in (10, 100, 500)]  # fmt: skip
    assert shares == sorted(shares)
    static = simulate(Scenario(500, 60, 100.0, static=True), Measured(), Assumed(), 1)
    assert static.rebalancing_share < shares[-1] / 10


@given(st.lists(st.integers(-1, 5), max_size=40), st.lists(st.booleans(), min_size=6, max_size=6))
def test_partitions_are_dealt_out_evenly_and_move_only_when_they_must(owner: list[int], members: list[bool]) -> None:
    before, present = np.array(owner, dtype=np.int64), np.array(members)
    after = deal(before, present)
    if not present.any():
        assert (after == -1).all()
        return
    counts = np.bincount(after, minlength=6)[present] if len(after) else np.zeros(1)
    assert counts.max() - counts.min() <= 1
    assert present[after].all()
    assert (deal(after, present) == after).all()


def test_events_of_one_time_keep_their_order() -> None:
    assert Event(1.0, 1, Kind.BROKER) < Event(1.0, 2, Kind.DOWN)

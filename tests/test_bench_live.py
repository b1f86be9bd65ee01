"""The live load of the benchmarks: when its windows are due, what an ideal queue makes of it, what the search finds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.bench.live_latency import ideal_latencies_s, mean_queue, percentiles_ms
from daemon.bench.live_run import FORMAT, LiveRun, measure
from daemon.bench.live_schedule import DRIFT, Schedule
from daemon.bench.music import music_pcm
from daemon.bench.streams import is_held
from daemon.bench.streams_search import confirmed, largest
from daemon.cuts import Window
from daemon.grid import make_grid
from daemon.messages import AudioChunk
from daemon.windows import Windower
from models.front_ends.spec import MUSICNN_FRONT_END

GRID = make_grid(16_000, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)


def test_windows_are_due_with_the_chunk_that_completes_them() -> None:
    schedule = Schedule(GRID, 5, 9.0, 0.3)
    found = set()
    windowers = [Windower(str(stream), "e", FORMAT, GRID) for stream in range(5)]
    for stream, windower in enumerate(windowers):
        before = AudioChunk(str(stream), "e", 0, FORMAT, bytes(2 * schedule.heard_frames(stream)), 0.0)
        assert [cut.index for cut in windower.push(before) if isinstance(cut, Window)] == [0]
    for due in schedule.chunks():
        position = schedule.heard_frames(due.stream) + due.number * schedule.chunk_frames
        chunk = AudioChunk(str(due.stream), "e", position, FORMAT, bytes(2 * schedule.chunk_frames), 0.0)
        cuts = windowers[due.stream].push(chunk)
        found |= {(due.stream, cut.index, due.due_s) for cut in cuts if isinstance(cut, Window)}
    completed = schedule.completed()
    assert {(window.stream, window.window, window.due_s) for window in completed} == found
    assert len(completed) >= 5 * 4
    margin_s = GRID.right_frames / 16_000
    for window in completed:
        assert margin_s * (1 - DRIFT) <= window.due_s - window.end_s <= (0.3 + margin_s) * (1 + DRIFT)
    assert all(0 <= due.due_s < 9.0 for due in schedule.chunks())


def test_windows_end_at_random_times() -> None:
    due_s = np.array([window.due_s for window in Schedule(GRID, 200, 20.0, 0.5).completed()])
    counts = np.histogram(due_s, bins=np.arange(0, 20, 0.5))[0]
    assert counts.mean() == pytest.approx(50, rel=0.05)
    assert counts.max() < 100  # no crowds; and below, no clockwork
    assert counts.std() > 3


def test_an_ideal_queue() -> None:
    assert ideal_latencies_s([0.0, 0.0, 0.0, 5.0], 1, 1.0) == [1, 2, 3, 1]
    assert ideal_latencies_s([0.0, 0.0, 0.0, 5.0], 2, 1.0) == [1, 1, 2, 1]
    assert mean_queue([0.0, 1.0, 5.0], [0.5, 0.5, 2.0], 6.0) == [0.5, 0, 1]
    assert percentiles_ms([0.001, 0.002, 0.003]) == {"p50": 2, "p90": 2.8, "p99": 2.98, "max": 3}
    assert percentiles_ms([]) == {}


@given(st.integers(0, 5000), st.integers(1, 5000), st.integers(1, 5000))
def test_the_search_finds_the_largest_to_a_hundredth(held: int, guess: int, most: int) -> None:
    asked: list[int] = []

    def holds(streams: int) -> bool:
        asked.append(streams)
        return streams <= held

    found = largest(holds, guess, most)
    truth = min(held, most)
    assert truth - max(1, truth / 100 + 1) <= found <= truth
    assert not truth or found or truth == 1
    assert len(asked) == len(set(asked))
    assert all(1 <= streams <= most for streams in asked)
    assert confirmed(holds, found) == found


def test_what_does_not_hold_for_long_is_taken_back() -> None:
    assert 90 <= confirmed(lambda streams: streams <= 95, 120) <= 95
    assert confirmed(lambda streams: False, 120) == 0


def test_what_counts_as_held() -> None:
    good = {"gave_up": False, "missing": 0, "windows": 9, "latency_ms": {"p99": 499.0}, "queue": [4.0, 9.0, 8.0]}
    assert is_held(good)
    for worse in (
        {"gave_up": True},
        {"missing": 1},
        {"windows": 0},
        {"latency_ms": {"p99": 500.0}},
        {"queue": [4.0, 9.0, 9.1]},
    ):
        assert not is_held({**good, **worse})


def flags(model: Path) -> dict[str, object]:
    return {"model": str(model), "engine": {"device": "cpu", "threads": 2}}


def test_a_paced_run(tiny_model: Path) -> None:
    found = asyncio.run(measure(LiveRun(flags(tiny_model), 10, 3.0, 0.1, paced=True, service_s=0.001)))
    assert (found["missing"], found["gave_up"], found["streams"]) == (0, False, 10)
    assert 10 <= found["windows"] <= 20  # one and a half each
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["max"]
    assert found["from_end_ms"]["p50"] > found["latency_ms"]["p50"]
    assert set(found["ideal_ms"]) == {"p50", "p90", "p99", "max"}
    assert found["bare_ms"]["hop"] == found["bare_ms"]["window"] > 0  # the tiny model has no carry
    assert 0 < found["loop_share"] < found["busy_share"]


def test_all_of_many_streams(tiny_model: Path) -> None:
    found = asyncio.run(measure(LiveRun(flags(tiny_model), 30, 4.0, 0.1, paced=False, all_of_it=True)))
    assert found["peak_mb"] > 10
    assert "latency_ms" not in found


def test_a_load_that_is_too_much_is_given_up(tiny_model: Path) -> None:
    found = asyncio.run(measure(LiveRun(flags(tiny_model), 10, 60.0, 0.1, paced=True, give_up_late_s=1e-9)))
    assert found["gave_up"]
    assert found["missing"] > 0
    assert not is_held(found)


def test_the_music_is_16_bit_and_not_silent() -> None:
    samples = np.frombuffer(music_pcm(FORMAT), "<i2")
    assert len(samples) == 20 * 16_000
    assert 1000 < np.abs(samples).mean() < 20_000

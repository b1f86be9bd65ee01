"""From when windows were due and when their results came: latencies, the queue, and what an ideal queue would give."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from daemon.bench.live_parts import LiveSource, NotingSink
from daemon.bench.live_schedule import Schedule

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}


def figures_of(
    schedule: Schedule, source: LiveSource, sink: NotingSink, workers: int, service_s: float
) -> dict[str, Any]:
    """Of a paced run, milliseconds. Times are as planned: a chunk that was handed in late makes its window late."""
    due_s, latency_s, from_end_s, missing = [], [], [], 0
    for window in schedule.completed():
        came_s = sink.came_s.get((window.stream, window.window))
        if came_s is None:
            missing += 1
            continue
        since_start_s = came_s - source.began.clock_s
        due_s.append(window.due_s)
        latency_s.append(since_start_s - window.due_s)
        from_end_s.append(since_start_s - window.end_s)
    found: dict[str, Any] = {
        "windows": len(due_s),
        "missing": missing,
        "gave_up": source.gave_up,
        "latency_ms": percentiles_ms(latency_s),
        "from_end_ms": percentiles_ms(from_end_s),
        "handed_in_late_ms": percentiles_ms(source.late_s),
        "queue": mean_queue(due_s, latency_s, schedule.seconds),
    }
    if service_s:
        found["ideal_ms"] = percentiles_ms(ideal_latencies_s(due_s, workers, service_s))
    return found


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and the largest, in milliseconds; nothing of nothing."""
    if not seconds:
        return {}
    values = np.percentile(np.asarray(seconds) * 1000, list(PERCENTILES.values()))
    return {name: round(float(value), 2) for name, value in zip(PERCENTILES, values, strict=True)}


def mean_queue(due_s: Sequence[float], latency_s: Sequence[float], seconds: float) -> list[float]:
    """Mean number of windows that were due and not out yet, in each third of the run (Little's law)."""
    thirds = [0.0, 0.0, 0.0]
    for due, latency in zip(due_s, latency_s, strict=True):
        thirds[min(2, int(3 * due / seconds))] += latency
    return [round(3 * waited_s / seconds, 2) for waited_s in thirds]


def ideal_latencies_s(due_s: Sequence[float], workers: int, service_s: float) -> list[float]:
    """Latencies of a perfect queue: first come, first served, each window `service_s` of one of `workers`.

    What stays above it is the engine's doing; what is below is the arrivals'.
    """
    free_s = [0.0] * workers
    found = []
    for due in sorted(due_s):
        done_s = max(due, free_s[0]) + service_s
        heapq.heapreplace(free_s, done_s)
        found.append(done_s - due)
    return found

"""A short self-measurement: how many windows a network should take at once on this machine."""

from __future__ import annotations

import time

import numpy as np

from daemon.inference import OnnxModel

SIZES = (1, 2)  # more never paid on a CPU, and memory grows with them (docs/benchmarks.md)
ROUNDS = 2
MARGIN = 0.97  # a larger run makes results wait: it must be faster by this


def measured_run_windows(model: OnnxModel) -> dict[int, float]:
    """Windows in a run -> milliseconds a window, the best of a few; takes about a tenth of a second."""
    window = model.card.golden_input[np.newaxis]
    carried = model.scores_and_carries(window, None)[1] if model.card.carry is not None else None
    took_ms = dict.fromkeys(SIZES, float("inf"))
    for _ in range(ROUNDS):
        for size in SIZES:
            windows = np.repeat(window, size, axis=0)
            carries = None if carried is None else np.repeat(carried, size, axis=0)
            started = time.perf_counter()
            if carries is None:
                model.scores(windows)
            else:
                model.scores_and_carries(windows, carries)
            took_ms[size] = min(took_ms[size], (time.perf_counter() - started) * 1000 / size)
    return took_ms


def best_run_windows(took_ms: dict[int, float]) -> int:
    """The smallest run that no larger one beats clearly."""
    best = min(took_ms)
    for size in sorted(took_ms):
        if took_ms[size] < took_ms[best] * MARGIN:
            best = size
    return best

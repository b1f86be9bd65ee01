"""The engine's own speed on the windows of a case of `genred bench kafka`, cut beforehand; nothing is published.

python -m daemon.bench.engine_alone CASE WINDOWS
"""

from __future__ import annotations

import asyncio
import sys
from itertools import islice

from daemon.assembly import make_rules
from daemon.bench.engine_run import run_engine
from daemon.bench.kafka_load import Case, case_named
from daemon.bench.ready_windows import Arrival, ReadyWindows
from daemon.crew import load_models, make_crew
from daemon.settings import load_settings


async def measure(case: Case, count: int) -> float:
    """Windows a second of `count` windows, side by side as the case's streams bring them."""
    settings = load_settings(None, {"engine": {"device": "cpu", "threads": 1}})
    models = load_models(settings)
    grid = make_rules(models[0].card, settings).grid_for(case.format.sample_rate_hz)
    windows = ReadyWindows(grid, case.format).arriving(Arrival.LIVE, case.streams)
    took = await run_engine(lambda metrics: make_crew(models, settings, metrics), settings, islice(windows, count))
    return took.windows / took.wall_s


if __name__ == "__main__":
    print(asyncio.run(measure(case_named(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201

"""A real engine with its real workers, fed with windows that were cut beforehand; nothing is published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine
from daemon.bench.others import Used, others_share, used
from daemon.cuts import Window
from daemon.engine import Crew, Done, Engine, Job
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow
from daemon.settings import Settings

STAGES = ("features", "inference")


@dataclass(frozen=True, slots=True)
class EngineTook:
    """Seconds for so many windows: by the clock, of the processor, and of the workers' clocks in each stage."""

    windows: int
    wall_s: float
    cpu_s: float
    stages_s: dict[str, float]
    others_share: float  # what other processes had of these cores


@dataclass(frozen=True, slots=True)
class _Then:
    """What had been done at a time."""

    windows: int
    used: Used
    stages_s: dict[str, float]


class Scored:
    """A lane that counts windows and lets them go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.windows = 0

    async def deliver(self, done: Sequence[Done]) -> None:
        """Count."""
        for job in done:
            if isinstance(job.item, ScoredWindow):
                self._engine.release(job.item.window)
                self.windows += 1


async def run_engine(
    crew_for: Callable[[Metrics], Crew],
    settings: Settings,
    windows: Iterable[Window],
    skip: int = 0,
    seconds: float = inf,
) -> EngineTook:
    """Score `windows` until they end, or for `seconds`; the first `skip` of them are not measured."""
    metrics = Metrics(CollectorRegistry())
    engine = make_engine(crew_for(metrics), settings, metrics)
    engine.start()
    lane = Scored(engine)

    async def drain() -> None:
        async for batch in engine.results():
            await lane.deliver(batch)

    def now() -> _Then:
        return _Then(lane.windows, used(), stages_s(metrics))

    drained = asyncio.create_task(drain())
    began = ended = now()
    for submitted, window in enumerate(windows):
        if lane.windows < skip or submitted < skip:
            began = now()
        elif time.perf_counter() - began.used.clock_s >= seconds:
            ended = now()
            break
        await engine.submit(Job(lane, window, window.stream))
    engine.close()
    await drained
    if ended.used.clock_s <= began.used.clock_s:
        ended = now()
    return EngineTook(
        ended.windows - began.windows,
        ended.used.clock_s - began.used.clock_s,
        ended.used.process_s - began.used.process_s,
        {stage: ended.stages_s[stage] - began.stages_s[stage] for stage in STAGES},
        others_share(began.used, ended.used),
    )


def stages_s(metrics: Metrics) -> dict[str, float]:
    """Seconds that the workers have spent in each stage."""
    name = "genred_stage_duration_seconds_sum"
    return {stage: metrics.registry.get_sample_value(name, {"stage": stage}) or 0.0 for stage in STAGES}

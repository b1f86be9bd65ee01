"""Live streams through the real pipeline, in a process of its own: its capacity, its latency at a load, its memory.

python -m daemon.bench.live_run '{"settings": {…}, "streams": 100, "seconds": 10, "chunk_s": 0.5, "paced": true}'
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from typing import Any, cast

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules
from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.bare import Network, bare_ms
from daemon.bench.children import answer, asked, peak_mb, usable_cores
from daemon.bench.live_latency import figures_of
from daemon.bench.live_parts import LiveSource, NotingSink
from daemon.bench.live_schedule import Schedule
from daemon.bench.others import others_share
from daemon.crew import load_models, make_crew
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.settings import load_settings

FORMAT = AudioFormat(SampleFormat.S16LE, 16_000, 1)
UNPACED_S = 600.0  # of audio, of which only what can be taken in the time is handed in


@dataclass(frozen=True, slots=True)
class LiveRun:
    """Streams to be heard.

    settings: flags as for `load_settings`. paced: in real time for `seconds`; else as fast as they are taken, for
    `seconds` by the clock or, with `all_of_it`, until `seconds` of each stream are through. service_s: of a window, for
    an ideal queue to compare with; 0: no comparison. give_up_late_s: chunks handed in later than that end the run.
    """

    settings: dict[str, Any]
    streams: int
    seconds: float
    chunk_s: float
    paced: bool
    all_of_it: bool = False
    service_s: float = 0.0
    give_up_late_s: float = inf
    seed: int = 2026


async def measure(run: LiveRun) -> dict[str, Any]:
    """What became of the streams."""
    settings = load_settings(None, run.settings)
    models = load_models(settings)
    rules = make_rules(models[0].card, settings)
    whole = run.paced or run.all_of_it
    grid = rules.grid_for(FORMAT.sample_rate_hz)
    schedule = Schedule(grid, run.streams, run.seconds if whole else UNPACED_S, run.chunk_s, run.seed)
    found: dict[str, Any] = {
        "streams": run.streams,
        "hop_s": grid.hop_frames / grid.sample_rate_hz,
    }
    if run.paced:
        found["bare_ms"] = bare_ms(cast(Network, models[0]))
    sink = NotingSink(run.streams)
    source = LiveSource(schedule, FORMAT, sink, run.paced, inf if whole else run.seconds, run.give_up_late_s)
    metrics = Metrics(CollectorRegistry())
    engine = make_engine(make_crew(models, settings, metrics), settings, metrics)
    await _carry(Pipeline(engine, [sink], rules, Ledger(metrics), metrics), source)
    found |= _shares(source, sink)
    found["peak_mb"] = peak_mb()
    if run.paced:
        found |= figures_of(schedule, source, sink, settings.engine.threads or usable_cores(), run.service_s)
    return found


async def _carry(pipeline: Pipeline, source: LiveSource) -> None:
    """The streams to their end."""
    pipeline.engine.start()
    delivered = asyncio.create_task(pipeline.deliver_all())
    await pipeline.feed(source)
    pipeline.engine.close()
    await delivered


def _shares(source: LiveSource, sink: NotingSink) -> dict[str, Any]:
    """Windows a second, and parts of the cores' time: of the process, its event loop, other processes."""
    began, ended = source.began, source.ended
    took_s = ended.clock_s - began.clock_s
    scored = sum(began.clock_s <= came_s <= ended.clock_s for came_s in sink.came_s.values())
    of_cores_s = took_s * usable_cores()
    return {
        "windows_per_s": scored / took_s,
        "loop_share": round((ended.loop_s - began.loop_s) / of_cores_s, 4),
        "busy_share": round((ended.used.process_s - began.used.process_s) / of_cores_s, 4),
        "others_share": others_share(began.used, ended.used),
    }


def main() -> None:
    """Answer."""
    answer(asyncio.run(measure(LiveRun(**asked()))))


if __name__ == "__main__":
    main()

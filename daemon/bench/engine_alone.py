"""The engine's own speed: windows that were cut beforehand go in, scores come out, nothing is published.

python -m daemon.bench.engine_alone CASE WINDOWS
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules
from daemon.bench.kafka_load import Case, case_named, music
from daemon.crew import load_models, make_crew
from daemon.cuts import HopBlock, Window
from daemon.engine import Done, Engine, Job
from daemon.messages import AudioChunk
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow
from daemon.settings import load_settings
from daemon.tagging import StreamRules
from daemon.windows import Windower


class Counter:
    """A lane that lets every window go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.scored = 0

    async def deliver(self, done: Sequence[Done]) -> None:
        """Count."""
        for job in done:
            if isinstance(job.item, ScoredWindow):
                self._engine.release(job.item.window)
                self.scored += 1


def cut(case: Case, rules: StreamRules, count: int) -> list[Window]:
    """`count` windows, each block shared by two as in a stream."""
    windower = Windower("stream", "epoch", case.format, rules.grid_for(case.format.sample_rate_hz))
    windows: list[Window] = []
    audio, position = music(case), 0
    while len(windows) < 8:
        chunk = AudioChunk("stream", "epoch", position, case.format, audio, 0.0)
        windows += [item for item in windower.push(chunk) if isinstance(item, Window)]
        position += chunk.frames
    made: list[Window] = []
    while len(made) < count:  # the same audio again, in blocks of its own
        blocks = {block.index: HopBlock(block.index, block.audio) for window in windows for block in window.blocks}
        made += [
            Window(
                window.stream, window.epoch, window.index, window.grid, window.format,
                tuple(blocks[block.index] for block in window.blocks),
                window.fresh_frames, window.gap_frames, window.end_at_s,
            )
            for window in windows
        ]  # fmt: skip
    return made[:count]


async def measure(case: Case, count: int) -> float:
    """Windows a second."""
    settings = load_settings(None, {"engine": {"device": "cpu", "threads": 1}})
    models = load_models(settings)
    metrics = Metrics(CollectorRegistry())
    engine = make_engine(make_crew(models, settings, metrics), settings, metrics)
    windows = cut(case, make_rules(models[0].card, settings), count)
    engine.start()
    lane = Counter(engine)

    async def drain() -> None:
        async for batch in engine.results():
            await lane.deliver(batch)

    drained = asyncio.create_task(drain())
    started = time.perf_counter()
    for window in windows:
        await engine.submit(Job(lane, window, lane))
    engine.close()
    await drained
    return lane.scored / (time.perf_counter() - started)


if __name__ == "__main__":
    print(asyncio.run(measure(case_named(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201

"""The daemon's parts put together for a test: real engine, real model, real pipeline; a source and a sink in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules
from daemon.crew import make_crew
from daemon.engine import Engine
from daemon.inference import OnnxModel
from daemon.ledger import Ledger
from daemon.messages import AudioChunk, Result, StreamEnd, StreamTags, WindowTags
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.settings import Settings
from daemon.sources.status import SourceStatus


class ListSource:
    """Yields what it is given; `gate` (if any) must be set before the last item."""

    def __init__(self, name: str, items: Sequence[AudioChunk | StreamEnd], gate: asyncio.Event | None = None) -> None:
        self.status = SourceStatus(name, "list")
        self.live = False
        self._items, self._gate = items, gate

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """The items, in order."""
        for item in self._items:
            self.status.heard()
            yield item
        if self._gate is not None:
            await self._gate.wait()


@dataclass
class ListSink:
    """Remembers results."""

    results: list[Result] = field(default_factory=list)
    closed: bool = False

    async def write(self, results: Sequence[Result]) -> None:
        """Remember them."""
        self.results += results

    async def close(self) -> None:
        """Remember that too."""
        self.closed = True

    @property
    def windows(self) -> list[WindowTags]:
        """The window results."""
        return [result for result in self.results if isinstance(result, WindowTags)]

    @property
    def tags(self) -> list[StreamTags]:
        """The stream results."""
        return [result for result in self.results if isinstance(result, StreamTags)]


@dataclass
class Parts:
    """A pipeline with everything around it."""

    settings: Settings
    metrics: Metrics
    ledger: Ledger
    engine: Engine
    sink: ListSink
    pipeline: Pipeline


def make_parts(model: Path | Sequence[Path], whole_tracks: bool = False, **settings: object) -> Parts:
    """Parts around the model at `model`, or several."""
    paths = [model] if isinstance(model, Path) else list(model)
    names = tuple(str(path) for path in paths)
    chosen = Settings(**{"models": names, "engine": {"device": "cpu", "threads": 1}, **settings})  # type: ignore[arg-type]
    metrics = Metrics(CollectorRegistry())
    ledger = Ledger(metrics)
    networks = [OnnxModel(path, "cpu", 1) for path in paths]
    engine = make_engine(make_crew(networks, chosen, metrics), chosen, metrics)
    sink = ListSink()
    pipeline = Pipeline(engine, [sink], make_rules(networks[0].card, chosen, whole_tracks), ledger, metrics)
    return Parts(chosen, metrics, ledger, engine, sink, pipeline)


async def run_through(parts: Parts, sources: Sequence[ListSource]) -> ListSink:
    """Feed every source to its end and deliver everything."""
    parts.engine.start()
    delivery = asyncio.create_task(parts.pipeline.deliver_all())
    async with asyncio.timeout(60):
        await asyncio.gather(*(parts.pipeline.feed(source) for source in sources))
        parts.engine.close()
        await delivery
    return parts.sink

"""The only composer: source -> windows -> engine -> aggregate -> sinks, with the books kept on every second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from daemon.aggregate import Aggregator
from daemon.engine import Engine, Output
from daemon.errors import BadChunk, SettingsError
from daemon.grid import Grid
from daemon.ledger import Ledger
from daemon.messages import AudioChunk, Result, StreamEnd, WindowTags
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow
from daemon.sinks.sink import Sink
from daemon.sources.source import Source
from daemon.windows import Cut, Loss, Missing, Window, Windower


@dataclass(frozen=True, slots=True)
class StreamRules:
    """How streams become windows and results."""

    grid_for: Callable[[int], Grid]  # sample rate in Hz -> grid
    aggregator_for: Callable[[str, str], Aggregator]  # stream, epoch -> aggregator
    labels: Sequence[str]  # published labels
    picks: list[int]  # their places in the network's output
    genres: Sequence[str]  # the labels that are genres, for the metrics
    genre_picks: list[int]


@dataclass(slots=True)
class Run:
    """One stream's present run, and what it has cut but not yet handed on."""

    windower: Windower
    cuts: deque[Cut | StreamEnd] = field(default_factory=deque)
    ended: bool = False


class Pipeline:
    """Carries audio from any number of sources to the sinks; everything here runs on one event loop."""

    def __init__(
        self, engine: Engine, sinks: Sequence[Sink], rules: StreamRules, ledger: Ledger, metrics: Metrics
    ) -> None:
        self._engine, self._sinks, self._rules = engine, sinks, rules
        self._ledger, self._metrics = ledger, metrics
        self._runs: dict[str, Run] = {}
        self._aggregators: dict[tuple[str, str], Aggregator] = {}
        self.published_windows = 0

    async def feed(self, source: Source) -> None:
        """Carry one source's audio into the engine until it ends. Cancelled, it loses nothing: call `end_streams`."""
        fed: set[str] = set()
        async with aclosing(source.chunks()) as chunks:
            async for item in chunks:
                fed.add(item.stream)
                if isinstance(item, StreamEnd):
                    await self._end(item.stream)
                else:
                    await self._take(item)
        for stream in fed:
            await self._end(stream)

    async def end_streams(self) -> None:
        """Finish every stream that is still open: the drain's second step."""
        for stream in list(self._runs):
            await self._end(stream)

    async def deliver(self) -> None:
        """Aggregate and publish what the engine gives, until it is closed."""
        async for batch in self._engine.results():
            results: list[Result] = []
            for item in batch:
                results += self._results_of(item)
            for sink in self._sinks:
                await sink.write(results)
            self._account(batch)

    @property
    def in_flight_s(self) -> float:
        """Received seconds that are neither published nor lost."""
        waiting = sum(
            run.windower.format.seconds(run.windower.pending_frames) + _cut_seconds(run) for run in self._runs.values()
        )
        return waiting + self._engine.in_flight_s

    @property
    def live_streams(self) -> int:
        """Streams with an open run."""
        return len(self._runs)

    async def _take(self, chunk: AudioChunk) -> None:
        self._ledger.receive(chunk.seconds)
        try:
            run = await self._run_of(chunk)
            run.cuts.extend(run.windower.push(chunk))
        except (BadChunk, SettingsError) as error:
            reason = error.reason if isinstance(error, BadChunk) else "grid"
            self._ledger.drop(reason, chunk.seconds)
            self._metrics.errors.labels("windows", reason).inc()
            return
        await self._hand_on(run)

    async def _run_of(self, chunk: AudioChunk) -> Run:
        """The run that `chunk` belongs to; a new epoch ends the old one."""
        run = self._runs.get(chunk.stream)
        if run is not None and run.windower.epoch != chunk.epoch:
            await self._end(chunk.stream)
            run = None
        if run is None:
            grid = self._rules.grid_for(chunk.format.sample_rate_hz)
            run = self._runs[chunk.stream] = Run(Windower(chunk.stream, chunk.epoch, chunk.format, grid))
        return run

    async def _end(self, stream: str) -> None:
        run = self._runs.get(stream)
        if run is None:
            return
        if not run.ended:  # else a cancelled end goes on
            run.ended = True
            run.cuts.extend(run.windower.flush())
            run.cuts.append(StreamEnd(stream, run.windower.epoch))
        await self._hand_on(run)
        self._runs.pop(stream, None)

    async def _hand_on(self, run: Run) -> None:
        """Empty `cuts` into the engine and the books; what a cancellation leaves is handed on later."""
        while run.cuts:
            cut = run.cuts[0]
            if isinstance(cut, Loss):
                self._ledger.lose(cut, run.windower.format.sample_rate_hz)
            elif isinstance(cut, Missing):
                self._ledger.miss(cut, run.windower.format.sample_rate_hz)
            else:
                await self._engine.submit(cut)
            run.cuts.popleft()

    def _results_of(self, item: Output) -> list[Result]:
        if isinstance(item, StreamEnd):
            aggregator = self._aggregator(item.stream, item.epoch)
            del self._aggregators[item.stream, item.epoch]
            return [aggregator.flush(self._engine.scorer.model.id, time.time())]
        window = item.window
        tags = self._aggregator(window.stream, window.epoch).push(item, self._engine.scorer.model.id)
        scored = self._window_tags(item)
        return [scored] if tags is None else [scored, tags]

    def _aggregator(self, stream: str, epoch: str) -> Aggregator:
        key = (stream, epoch)
        if key not in self._aggregators:
            self._aggregators[key] = self._rules.aggregator_for(stream, epoch)
        return self._aggregators[key]

    def _window_tags(self, scored: ScoredWindow) -> WindowTags:
        window, scores = scored.window, scored.scores
        named: dict[str, float] = {}
        if scores is not None:
            named = {
                label: float(scores[pick]) for label, pick in zip(self._rules.labels, self._rules.picks, strict=True)
            }
        return WindowTags(
            stream=window.stream,
            epoch=window.epoch,
            window=window.index,
            start_s=window.start_s,
            end_s=window.end_s,
            time_s=window.end_at_s,
            silent=scores is None,
            gap_s=window.gap_s,
            scores=named,
            model=self._engine.scorer.model.id,
            title=window.title,
        )

    def _account(self, batch: Sequence[Output]) -> None:
        """The sinks have acknowledged `batch`."""
        now_s = time.time()
        for item in batch:
            if isinstance(item, StreamEnd):
                continue
            silent = item.scores is None
            self._ledger.publish(item.window, silent)
            self._engine.release(item.window)
            self._metrics.windows.labels("silent" if silent else "tagged").inc()
            if item.scores is not None:
                best = self._rules.genres[int(item.scores[self._rules.genre_picks].argmax())]
                self._metrics.genre_windows.labels(best).inc()
            self._metrics.end_to_end_latency_seconds.observe(max(0.0, now_s - item.window.end_at_s))
            self.published_windows += 1
        self._metrics.last_window_published_timestamp_seconds.set(now_s)


def _cut_seconds(run: Run) -> float:
    """Received seconds in cuts that were not handed on yet."""
    rate_hz = run.windower.format.sample_rate_hz
    frames = sum(
        cut.fresh_frames if isinstance(cut, Window) else cut.frames
        for cut in run.cuts
        if isinstance(cut, Window | Loss)
    )
    return frames / rate_hz

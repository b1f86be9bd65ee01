"""The only composer: source -> windows -> engine -> aggregate -> sinks, with the books kept on every second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Protocol

from daemon.accounts import Accounts
from daemon.cuts import Cut, Loss, Missing, Window
from daemon.engine import Done, Engine, Job
from daemon.errors import BadChunk, SettingsError
from daemon.ledger import Ledger
from daemon.messages import AudioChunk, Result, StreamEnd
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow
from daemon.sinks.sink import Sink, Waiting
from daemon.sources.source import Source
from daemon.stages import Stage
from daemon.tagging import StreamRules, Tagger
from daemon.windows import Windower


class OpenStreams(Protocol):
    """Streams that somebody else keeps: how much of their audio waits."""

    @property
    def pending_s(self) -> float:
        """Received seconds that are not with the engine yet, nor lost."""
        ...

    @property
    def live_streams(self) -> int:
        """Streams with an open run."""
        ...


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
        self.engine, self.rules, self.ledger, self.metrics = engine, rules, ledger, metrics
        self.accounts = Accounts(engine, ledger, metrics)
        self._sinks = sinks
        self._tagger = Tagger(rules, lambda: engine.roster)
        self._runs: dict[str, Run] = {}
        self.others: list[OpenStreams] = []  # streams that others keep, who bring their own lanes

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

    async def deliver_all(self) -> None:
        """Give the engine's results to their lanes until it is closed."""
        async for batch in self.engine.results():
            scored = [done.item.window for done in batch if isinstance(done.item, ScoredWindow)]
            self.metrics.stages.began(Stage.PUBLISH, scored)
            for lane, done in groupby(batch, key=attrgetter("lane")):
                await lane.deliver(list(done))

    async def deliver(self, done: Sequence[Done]) -> None:
        """The lane of this pipeline's own sources: every sink, then the books."""
        results = [result for job in done for result in self._tagger.results_of(job.item)]
        await self.publish(results)
        for job in done:
            if isinstance(job.item, ScoredWindow):
                self.accounts.published(job.item)

    async def publish(self, results: Sequence[Result]) -> None:
        """Into every sink."""
        for sink in self._sinks:
            await sink.write(results)

    @property
    def trouble(self) -> str | None:
        """Why results wait for a sink; None while they do not."""
        troubles = (sink.trouble for sink in self._sinks if isinstance(sink, Waiting))
        return next((trouble for trouble in troubles if trouble is not None), None)

    @property
    def in_flight_s(self) -> float:
        """Received seconds that are neither published nor lost."""
        waiting = sum(
            run.windower.format.seconds(run.windower.pending_frames) + _cut_seconds(run) for run in self._runs.values()
        )
        waiting += sum(other.pending_s for other in self.others)
        return waiting + self.engine.in_flight_s

    @property
    def live_streams(self) -> int:
        """Streams with an open run."""
        return len(self._runs) + sum(other.live_streams for other in self.others)

    @property
    def published_windows(self) -> int:
        """Windows whose results have been acknowledged."""
        return self.accounts.published_windows

    async def _take(self, chunk: AudioChunk) -> None:
        self.ledger.receive(chunk.seconds)
        try:
            run = await self._run_of(chunk)
            run.cuts.extend(run.windower.push(chunk))
        except (BadChunk, SettingsError) as error:
            reason = error.reason if isinstance(error, BadChunk) else "grid"
            self.ledger.drop(reason, chunk.seconds)
            self.metrics.errors.labels("windows", reason).inc()
            return
        await self._hand_on(run)

    async def _run_of(self, chunk: AudioChunk) -> Run:
        """The run that `chunk` belongs to; a new epoch ends the old one."""
        run = self._runs.get(chunk.stream)
        if run is not None and run.windower.epoch != chunk.epoch:
            await self._end(chunk.stream)
            run = None
        if run is None:
            grid = self.rules.grid_for(chunk.format.sample_rate_hz)
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
                self.ledger.lose(cut, run.windower.format.sample_rate_hz)
            elif isinstance(cut, Missing):
                self.ledger.miss(cut, run.windower.format.sample_rate_hz)
            else:
                await self.engine.submit(Job(self, cut, cut.stream))
            run.cuts.popleft()


def _cut_seconds(run: Run) -> float:
    """Received seconds in cuts that were not handed on yet."""
    rate_hz = run.windower.format.sample_rate_hz
    frames = sum(
        cut.fresh_frames if isinstance(cut, Window) else cut.frames
        for cut in run.cuts
        if isinstance(cut, Window | Loss)
    )
    return frames / rate_hz

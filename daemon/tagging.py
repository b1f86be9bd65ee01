"""Scored windows to results: the window's own scores, and its stream's tags."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.aggregate import Aggregator, StreamAggregator
from daemon.cuts import Window
from daemon.engine import Output
from daemon.grid import Grid
from daemon.messages import LogRange, Result, StreamEnd, WindowTags
from daemon.roster import Roster, Voice
from daemon.scoring import ScoredWindow


@dataclass(frozen=True, slots=True)
class StreamRules:
    """How streams become windows and results."""

    grid_for: Callable[[int], Grid]  # sample rate in Hz -> grid
    aggregator_for: Callable[[str, str, Voice], Aggregator]  # stream, epoch, whose scores -> aggregator


@dataclass(frozen=True, slots=True)
class LogPartition:
    """Where a group of streams is read from."""

    topic: str
    partition: int


@dataclass(slots=True)
class _Run:
    """A run's aggregator, and whose scores it takes."""

    voice: Voice
    aggregator: Aggregator


class Tagger:
    """Makes the results of a group of streams; keeps one aggregator a run.

    `roster` says who scores now: a run of which no window was scored speaks in its name.
    """

    def __init__(self, rules: StreamRules, roster: Callable[[], Roster], log: LogPartition | None = None) -> None:
        self._rules, self._roster, self._log = rules, roster, log
        self._runs: dict[tuple[str, str], _Run] = {}

    def results_of(self, item: Output) -> list[Result]:
        """What `item` lets us say, the window's scores first."""
        if isinstance(item, StreamEnd):
            run = self._run(item.stream, item.epoch)
            del self._runs[item.stream, item.epoch]
            return [run.aggregator.flush(run.voice.model, time.time())]
        window, voice = item.window, item.roster.main
        tags = self._run(window.stream, window.epoch, voice).aggregator.push(item, voice.model)
        scored = self._window_tags(item, voice)
        return [scored] if tags is None else [scored, tags]

    def restore(self, stream: str, epoch: str, published: Sequence[WindowTags]) -> None:
        """Go on where the previous owner of a run stopped; `published` are its last windows, in order."""
        run = self._run(stream, epoch)
        if isinstance(run.aggregator, StreamAggregator):
            run.aggregator.restore(published)

    def _run(self, stream: str, epoch: str, voice: Voice | None = None) -> _Run:
        """The run, ready for the scores of `voice`. A model with other labels begins the aggregation anew."""
        key = (stream, epoch)
        run = self._runs.get(key)
        if run is None:
            voice = voice or self._roster().main
            run = self._runs[key] = _Run(voice, self._rules.aggregator_for(stream, epoch, voice))
        elif voice is not None and run.voice is not voice:
            if run.voice.labels != voice.labels or run.voice.picks != voice.picks:
                run.aggregator = self._rules.aggregator_for(stream, epoch, voice)
            run.voice = voice
        return run

    def _window_tags(self, scored: ScoredWindow, voice: Voice) -> WindowTags:
        window, scores = scored.window, scored.scores
        named: dict[str, float] = {}
        if scores is not None:
            named = dict(zip(voice.labels, scores[list(voice.picks)].tolist(), strict=True))
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
            model=voice.model,
            title=window.title,
            source=self._log_range(window),
        )

    def _log_range(self, window: Window) -> LogRange | None:
        log, origin = self._log, window.origin
        if log is None or origin is None:
            return None
        return LogRange(log.topic, log.partition, origin.first_offset, origin.last_offset, origin.last_position)

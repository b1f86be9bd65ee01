"""Scored windows to results: the window's own scores, and its stream's tags."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.aggregate import Aggregator, StreamAggregator
from daemon.cuts import Window
from daemon.engine import Output
from daemon.grid import Grid
from daemon.messages import LogRange, ModelId, Result, StreamEnd, WindowTags
from daemon.scoring import ScoredWindow


@dataclass(frozen=True, slots=True)
class StreamRules:
    """How streams become windows and results."""

    grid_for: Callable[[int], Grid]  # sample rate in Hz -> grid
    aggregator_for: Callable[[str, str], Aggregator]  # stream, epoch -> aggregator
    labels: Sequence[str]  # published labels
    picks: list[int]  # their places in the network's output
    genres: Sequence[str]  # the labels that are genres, for the metrics
    genre_picks: list[int]


@dataclass(frozen=True, slots=True)
class LogPartition:
    """Where a group of streams is read from."""

    topic: str
    partition: int


class Tagger:
    """Makes the results of a group of streams; keeps one aggregator a run."""

    def __init__(self, rules: StreamRules, log: LogPartition | None = None) -> None:
        self._rules, self._log = rules, log
        self._aggregators: dict[tuple[str, str], Aggregator] = {}

    def results_of(self, item: Output, model: ModelId) -> list[Result]:
        """What `item` lets us say, the window's scores first."""
        if isinstance(item, StreamEnd):
            aggregator = self._aggregator(item.stream, item.epoch)
            del self._aggregators[item.stream, item.epoch]
            return [aggregator.flush(model, time.time())]
        window = item.window
        tags = self._aggregator(window.stream, window.epoch).push(item, model)
        scored = self._window_tags(item, model)
        return [scored] if tags is None else [scored, tags]

    def restore(self, stream: str, epoch: str, published: Sequence[WindowTags]) -> None:
        """Go on where the previous owner of a run stopped; `published` are its last windows, in order."""
        aggregator = self._aggregator(stream, epoch)
        if isinstance(aggregator, StreamAggregator):
            aggregator.restore(published)

    def _aggregator(self, stream: str, epoch: str) -> Aggregator:
        key = (stream, epoch)
        if key not in self._aggregators:
            self._aggregators[key] = self._rules.aggregator_for(stream, epoch)
        return self._aggregators[key]

    def _window_tags(self, scored: ScoredWindow, model: ModelId) -> WindowTags:
        window, scores = scored.window, scored.scores
        named: dict[str, float] = {}
        if scores is not None:
            picked = scores[self._rules.picks].tolist()
            named = dict(zip(self._rules.labels, picked, strict=True))
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
            model=model,
            title=window.title,
            source=self._log_range(window),
        )

    def _log_range(self, window: Window) -> LogRange | None:
        log, origin = self._log, window.origin
        if log is None or origin is None:
            return None
        return LogRange(log.topic, log.partition, origin.first_offset, origin.last_offset, origin.last_position)

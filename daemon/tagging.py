"""Scored windows to results: the window's own scores, and its stream's tags."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.aggregate import Aggregator, StreamAggregator
from daemon.cuts import Window
from daemon.engine import Output
from daemon.grid import Grid
from daemon.messages import LogRange, ModelScores, Result, StreamEnd, StreamTags, WindowTags
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
    """A run's aggregators, one a voice of who spoke last."""

    voices: tuple[Voice, ...]
    aggregators: list[Aggregator]

    def going_on(self, voice: Voice) -> Aggregator | None:
        """The aggregator of the model of that name, unless its labels were others."""
        for before, aggregator in zip(self.voices, self.aggregators, strict=True):
            if (before.model.name, before.labels) == (voice.model.name, voice.labels):
                return aggregator
        return None


class Tagger:
    """Makes the results of a group of streams; keeps an aggregator a run and voice.

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
            now_s = time.time()
            return [_joined([each.flush(voice.model, now_s) for voice, each in _spoken(run)])]
        window = item.window
        run = self._run(window.stream, window.epoch, item.roster)
        said = [each.push(item, voice) for voice, each in _spoken(run)]
        tags = [each for each in said if each is not None]
        scored = self._window_tags(item)
        return [scored, _joined(tags)] if tags else [scored]

    def restore(self, stream: str, epoch: str, published: Sequence[WindowTags]) -> None:
        """Go on where the previous owner of a run stopped; `published` are its last windows, in order."""
        for voice, aggregator in _spoken(self._run(stream, epoch)):
            if isinstance(aggregator, StreamAggregator):
                aggregator.restore(published, voice.model)

    def _run(self, stream: str, epoch: str, roster: Roster | None = None) -> _Run:
        """The run, ready for the scores of `roster`. A model with other labels begins the aggregation anew."""
        run = self._runs.get((stream, epoch))
        if run is not None and (roster is None or roster.voices is run.voices):
            return run
        voices = (roster or self._roster()).voices
        aggregators = [
            (run and run.going_on(voice)) or self._rules.aggregator_for(stream, epoch, voice) for voice in voices
        ]
        run = self._runs[stream, epoch] = _Run(voices, aggregators)
        return run

    def _window_tags(self, scored: ScoredWindow) -> WindowTags:
        window = scored.window
        main, *others = (ModelScores(voice.model, _named(scored, voice)) for voice in scored.roster.voices)
        return WindowTags(
            stream=window.stream,
            epoch=window.epoch,
            window=window.index,
            start_s=window.start_s,
            end_s=window.end_s,
            time_s=window.end_at_s,
            silent=scored.scores is None,
            gap_s=window.gap_s,
            scores=main.scores,
            model=main.model,
            title=window.title,
            source=self._log_range(window),
            others=tuple(others),
        )

    def _log_range(self, window: Window) -> LogRange | None:
        log, origin = self._log, window.origin
        if log is None or origin is None:
            return None
        return LogRange(log.topic, log.partition, origin.first_offset, origin.last_offset, origin.last_position)


def _spoken(run: _Run) -> Iterable[tuple[Voice, Aggregator]]:
    return zip(run.voices, run.aggregators, strict=True)


def _named(scored: ScoredWindow, voice: Voice) -> Mapping[str, float]:
    """The voice's scores by its labels; none when the window is silent."""
    if scored.scores is None:
        return {}
    return dict(zip(voice.labels, scored.scores[list(voice.picks)].tolist(), strict=True))


def _joined(tags: Sequence[StreamTags]) -> StreamTags:
    """What each voice says, as one result in the name of the first."""
    main, others = tags[0], tags[1:]
    return replace(main, others=tuple(other.voices[0] for other in others)) if others else main

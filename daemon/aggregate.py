"""Window scores to a stream's tags. `aggregate` is a pure function of the windows in the horizon.

Each window of the horizon is smoothed over itself and the older ones, weights halving with every `half_life_s` of age;
then one walk from the oldest to the newest applies the hysteresis. So what is held now follows from the horizon alone,
and a new owner of the stream that has the same windows says the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from daemon.cuts import Window
from daemon.messages import SCORE_DECIMALS, ModelId, StreamTags, Tag, WindowTags
from daemon.roster import Voice
from daemon.scoring import ScoredWindow

UNKNOWN = "unknown"
SILENCE = "silence"
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TagPolicy:
    """How tags follow from windows.

    A tag appears at `min_score` and goes below `min_score * release`; another one becomes the top only when it leads by
    `switch_margin`. At most `max_tags` are published.
    """

    horizon_s: float = 30.0
    half_life_s: float = 10.0
    min_score: float = 0.2
    release: float = 0.75
    switch_margin: float = 0.05
    max_tags: int = 5


@dataclass(frozen=True, slots=True, eq=False)
class HorizonWindow:
    """What aggregation needs of a window; `scores` (labels,) of the aggregated labels, None when silent.

    Scores are rounded as they are published, so that whoever reads them back aggregates the very same numbers.
    """

    index: int
    start_s: float
    end_s: float
    scores: Scores | None


def aggregate(
    windows: Sequence[HorizonWindow], labels: Sequence[str], policy: TagPolicy
) -> tuple[str, tuple[Tag, ...]]:
    """The top tag (or `unknown`, `silence`) and the tags, of windows in time order, the newest last."""
    if windows[-1].scores is None:
        return SILENCE, ()
    heard = [(window.end_s, window.scores) for window in windows if window.scores is not None]
    smoothed = _smoothed(np.array([end_s for end_s, _ in heard]), np.stack([s for _, s in heard]), policy.half_life_s)
    held, shown = _hysteresis(smoothed, policy)
    if held is None:
        return UNKNOWN, ()
    now = smoothed[-1]
    others = sorted((int(label) for label in np.flatnonzero(shown) if label != held), key=lambda label: -now[label])
    tags = tuple(Tag(labels[label], float(now[label])) for label in [held, *others][: policy.max_tags])
    return labels[held], tags


def _smoothed(ends_s: npt.NDArray[np.float64], scores: Scores, half_life_s: float) -> npt.NDArray[np.float64]:
    """Row i: the weighted mean of rows 0..i, (windows, labels)."""
    age_s = ends_s[:, np.newaxis] - ends_s[np.newaxis, :]
    weights = np.where(age_s >= 0, np.exp2(-np.maximum(age_s, 0) / half_life_s), 0.0)
    smoothed: npt.NDArray[np.float64] = (weights @ scores.astype(np.float64)) / weights.sum(axis=1, keepdims=True)
    return smoothed


def _hysteresis(smoothed: npt.NDArray[np.float64], policy: TagPolicy) -> tuple[int | None, npt.NDArray[np.bool_]]:
    """The held top label, and which labels are shown, after walking the rows in time order."""
    release = policy.min_score * policy.release
    held: int | None = None
    shown = np.zeros(smoothed.shape[1], bool)
    for row, best in zip(smoothed, smoothed.argmax(axis=1), strict=True):
        shown = (shown | (row >= policy.min_score)) & (row >= release)
        if held is not None and not shown[held]:
            held = None
        if (held is None and row[best] >= policy.min_score) or (
            held is not None and row[best] > row[held] + policy.switch_margin
        ):
            held = int(best)
    return held, shown


class StreamAggregator:
    """The tags of one run over a sliding horizon: `push` its scored windows in order, `flush` at its end.

    `labels` are those of every voice that is pushed; where their scores stand may be another place each time.
    """

    def __init__(self, stream: str, epoch: str, labels: Sequence[str], policy: TagPolicy) -> None:
        self._stream, self._epoch = stream, epoch
        self._labels, self._policy = labels, policy
        self._horizon: deque[HorizonWindow] = deque()
        self._top: str | None = None
        self._last: StreamTags | None = None

    def push(self, scored: ScoredWindow, voice: Voice) -> StreamTags:
        """What is playing now that `scored` is known, as `voice` says."""
        window = scored.window
        return self._advance(horizon_window(scored, voice.picks), window.end_at_s, window.title, voice.model)

    def restore(self, published: Sequence[WindowTags], model: ModelId) -> None:
        """Take over from an owner who published these windows of the run, in order; nothing is said.

        Only windows that a model of that name scored, with these very labels, say anything to it; behind any other
        window it begins anew, as it would have if it had been asked for the first time then.
        """
        for result in published:
            said = next((said for said in result.voices if said.model.name == model.name), None)
            if said is None or not (result.silent or said.scores.keys() == set(self._labels)):
                self._begin_anew(result, model)
                continue
            scores = None
            if not result.silent:
                scores = np.array([said.scores[label] for label in self._labels], np.float64)
            window = HorizonWindow(result.window, result.start_s, result.end_s, scores)
            self._advance(window, result.time_s, result.title, said.model)

    def flush(self, model: ModelId, now_s: float) -> StreamTags:
        """The stream's last word; `now_s` (Unix seconds) is its time when the stream never had a window."""
        if self._last is None:
            return StreamTags(self._stream, self._epoch, None, 0.0, 0.0, now_s, (), UNKNOWN, False, True, model)
        return replace(self._last, changed=False, final=True)

    def _begin_anew(self, result: WindowTags, model: ModelId) -> None:
        """`result` was scored by others: the run's place is known, but not what is playing."""
        self._horizon.clear()
        self._top = None
        self._last = StreamTags(
            self._stream, self._epoch, result.window, result.start_s, result.end_s, result.time_s, (), UNKNOWN, False,
            False, model, result.title,
        )  # fmt: skip

    def _advance(self, window: HorizonWindow, time_s: float, title: str | None, model: ModelId) -> StreamTags:
        self._horizon.append(window)
        while self._horizon[0].end_s <= window.end_s - self._policy.horizon_s:
            self._horizon.popleft()
        top, tags = aggregate(self._horizon, self._labels, self._policy)
        self._last = StreamTags(
            stream=self._stream,
            epoch=self._epoch,
            window=window.index,
            from_s=self._horizon[0].start_s,
            to_s=window.end_s,
            time_s=time_s,
            tags=tags,
            top=top,
            changed=top != self._top,
            final=False,
            model=model,
            title=title,
        )
        self._top = top
        return self._last


class TrackAggregator:
    """The tags of a whole finite run: the plain mean of its windows that are not silent, said once at the end."""

    def __init__(self, stream: str, epoch: str, labels: Sequence[str], policy: TagPolicy) -> None:
        self._stream, self._epoch = stream, epoch
        self._labels, self._policy = labels, policy
        self._sum = np.zeros(len(labels))
        self._heard = 0
        self._last: Window | None = None
        self._from_s = 0.0

    def push(self, scored: ScoredWindow, voice: Voice) -> None:
        """Take what `voice` says of a window into the mean."""
        if self._last is None:
            self._from_s = scored.window.start_s
        self._last = scored.window
        if scored.scores is not None:
            self._sum += scored.scores[list(voice.picks)]
            self._heard += 1

    def flush(self, model: ModelId, now_s: float) -> StreamTags:
        """The run's tags; `unknown` when it had no window, `silence` when all were silent."""
        if self._last is None:
            return StreamTags(self._stream, self._epoch, None, 0.0, 0.0, now_s, (), UNKNOWN, False, True, model)
        top, tags = self._mean_tags()
        last = self._last
        return StreamTags(
            stream=self._stream,
            epoch=self._epoch,
            window=last.index,
            from_s=self._from_s,
            to_s=last.end_s,
            time_s=last.end_at_s,
            tags=tags,
            top=top,
            changed=False,
            final=True,
            model=model,
            title=last.title,
        )

    def _mean_tags(self) -> tuple[str, tuple[Tag, ...]]:
        if not self._heard:
            return SILENCE, ()
        mean = HorizonWindow(0, 0.0, 0.0, (self._sum / self._heard))
        return aggregate([mean], self._labels, self._policy)


Aggregator = StreamAggregator | TrackAggregator


def horizon_window(scored: ScoredWindow, picks: Sequence[int]) -> HorizonWindow:
    """The part of a scored window that aggregation keeps; `picks` are the aggregated labels."""
    window, scores = scored.window, scored.scores
    rounded: Scores | None = None
    if scores is not None:
        rounded = scores[list(picks)].astype(np.float64).round(SCORE_DECIMALS)
    return HorizonWindow(window.index, window.start_s, window.end_s, rounded)

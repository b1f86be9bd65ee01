"""Two models on the same tracks: which is better, and whether chance alone would say so."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from export.evaluate.bootstrap import Difference, difference, draws
from export.evaluate.metrics import Bools, Floats, decisions, figures
from export.evaluate.rows import Rows

COUNTS = frozenset(("rows", "labels", "labels_judged"))


@dataclass(frozen=True, slots=True)
class McNemar:
    """McNemar's test, exact: of the tracks that only one model has right, as many should be each one's.

    p: two-sided, from the binomial distribution.
    """

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second model (`other`) against the first, on tracks that both heard."""

    other: str
    tracks: int
    labels: tuple[str, ...]
    first: Mapping[str, float]
    second: Mapping[str, float]
    differences: Mapping[str, Difference]
    mcnemar: McNemar


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Rows, and the thresholds that decide in them where a clip may have several labels."""

    rows: Rows
    thresholds: Floats

    def right(self, multi_label: bool) -> Bools:
        """bool (n,): the tracks of which everything was decided rightly."""
        truth = self.rows.truth
        if not multi_label:
            return np.asarray(truth[np.arange(len(truth)), self.rows.tracks.argmax(axis=1)])
        return np.asarray((decisions(self.rows.tracks, True, self.thresholds) == truth).all(axis=1))


def compare(first: Judged, second: Judged, name: str, multi_label: bool, resamples: int, seed: int = 0) -> Comparison:
    """Paired bootstrap of the difference of each figure, and McNemar's test; both have the same clips and labels."""
    each = (first, second)
    measured = [figures(one.rows.truth, one.rows.tracks, multi_label, one.thresholds) for one in each]

    def differences(chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> dict[str, float]:
        a, b = (figures(one.rows.truth[chosen], one.rows.tracks[chosen], multi_label, one.thresholds) for one in each)
        return {key: b[key] - a[key] for key in a.keys() & b.keys() - COUNTS}

    drawn = draws(differences, len(first.rows.clips), resamples, seed)
    a, b = measured
    return Comparison(
        name,
        len(first.rows.clips),
        first.rows.labels,
        a,
        b,
        {key: difference(b[key] - a[key], drawn[key]) for key in a if key in drawn},
        mcnemar(first.right(multi_label), second.right(multi_label)),
    )


def mcnemar(first: Bools, second: Bools) -> McNemar:
    """Of which tracks each model has right, (n,) both."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    apart = only_first + only_second
    p = min(1.0, 2 * float(bdtr(min(only_first, only_second), apart, 0.5)))
    return McNemar(only_first, only_second, p)

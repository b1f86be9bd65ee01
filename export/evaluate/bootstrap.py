"""How far a figure could be from what other tracks would have given: the bootstrap, percentile method (Efron 1979).

Tracks are drawn, not windows: the windows of a track are alike, and counting them as independent would make every
interval too narrow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]
Draws = Mapping[str, npt.NDArray[np.float64]]
LEVEL: Final = 0.95
RESAMPLES: Final = 1000


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle `level` of what resampled tracks give."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one figure between two models on the same tracks.

    value: the second's minus the first's. p: chance of a difference as far from 0, were there none (two-sided).
    """

    value: float
    interval: Interval
    p: float


def draws(
    statistic: Callable[[Rows], Mapping[str, float]], n_rows: int, resamples: int = RESAMPLES, seed: int = 0
) -> Draws:
    """`statistic` of `resamples` drawings of n_rows rows out of n_rows, with replacement: key -> (resamples,) or fewer.

    A key that is missing for a drawing (its label was not drawn) is passed over there. The same seed, the same draws.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(resamples):
        for key, value in statistic(random.integers(0, n_rows, n_rows)).items():
            found.setdefault(key, []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def interval(drawn: npt.NDArray[np.float64], level: float = LEVEL) -> Interval:
    """Of what was drawn of one figure, (n,), n >= 1."""
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def difference(value: float, drawn: npt.NDArray[np.float64]) -> Difference:
    """A difference and the differences of resampled tracks, (n,): each of the same tracks for both models."""
    n = len(drawn) + 1  # the one that was measured counts as well, so p is never 0 (Davison and Hinkley 1997, 4.2)
    p = 2 * min((int((drawn <= 0).sum()) + 1) / n, (int((drawn >= 0).sum()) + 1) / n)
    return Difference(value, interval(drawn), min(1.0, p))

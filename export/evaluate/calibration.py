"""Whether scores mean what they say: of all that is scored .8, eight in ten should be so.

The expected calibration error is that of Naeini et al. (AAAI 2015) and Guo et al. (ICML 2017): equal bins of
confidence, the mean distance between confidence and share of rights, weighted by how much falls into each bin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating]
BINS: Final = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Statements of about the same confidence: their mean confidence, the share that is right, how many they are."""

    confidence: float
    right: float
    count: int


def statements(truth: Bools, scores: Scores, multi_label: bool) -> tuple[Scores, Bools]:
    """What a model states, as (confidence (m,), whether it is right (m,)).

    truth, scores: (n, n_labels). One label a clip: its first choice, m = n. Several: every score says how sure it is
    that the label is there, m = n * n_labels.
    """
    if multi_label:
        return scores.ravel(), truth.ravel()
    first = scores.argmax(axis=1)
    rows = np.arange(len(scores))
    return scores[rows, first], truth[rows, first]


def bins(confidence: Scores, right: Bools, n_bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of a reliability diagram that hold anything, by confidence; confidences lie in 0..1."""
    place = np.minimum((confidence * n_bins).astype(np.int64), n_bins - 1)
    counts = np.bincount(place, minlength=n_bins)
    sums = np.bincount(place, confidence.astype(np.float64), n_bins)
    rights = np.bincount(place, right.astype(np.float64), n_bins)
    return tuple(
        Bin(float(sums[at] / counts[at]), float(rights[at] / counts[at]), int(counts[at]))
        for at in np.flatnonzero(counts)
    )


def expected_calibration_error(filled: Sequence[Bin]) -> float:
    """0 is perfect, 1 the worst; 0 where there are no statements."""
    total = sum(each.count for each in filled)
    return sum(each.count * abs(each.confidence - each.right) for each in filled) / max(total, 1)

"""The score from which a label may be called present: of each label the one with the best F1."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from export.evaluate.metrics import THRESHOLD, Bools, Floats, Scores, Truth


def best_thresholds(truth: Truth, scores: Scores, labels: Sequence[str]) -> dict[str, float]:
    """Threshold of each label, of (n, n_labels) truth and scores in 0..1, such as those of the validation clips.

    `score >= threshold` has the best F1 there is on these rows; of several such, the highest threshold. It lies midway
    between two scores. A label without a positive row is left out: nothing can be said of it.
    """
    wanted = np.asarray(truth, np.float32) > 0.5
    return {
        name: _best(wanted[:, place], scores[:, place].astype(np.float64))
        for place, name in enumerate(labels)
        if wanted[:, place].any()
    }


def threshold_array(thresholds: Mapping[str, float], labels: Sequence[str]) -> Floats:
    """The thresholds in the order of `labels`, float64 (n_labels,); .5 for those without one."""
    return np.array([thresholds.get(name, THRESHOLD) for name in labels])


def _best(truth: Bools, scores: npt.NDArray[np.float64]) -> float:
    """Of one label: (n,) each, with a positive row."""
    distinct, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    hits = np.bincount(group, truth.astype(np.float64), len(counts))[::-1].cumsum()
    called = counts[::-1].cumsum()
    f1 = 2 * hits / (hits[-1] + called)
    place = int(f1.argmax())  # the first of equals: the highest threshold
    falling = distinct[::-1]
    below = falling[place + 1] if place + 1 < len(falling) else 0.0
    return float((falling[place] + below) / 2)

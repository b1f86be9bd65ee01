"""The areas under the two curves of a label, of scores alone: no threshold is chosen."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating]


def areas(truth: Bools, scores: Scores) -> tuple[float, float]:
    """(ROC-AUC, average precision) of one label: truth and scores (n,), with positives and negatives among them.

    ROC-AUC: the chance that a positive scores above a negative, ties half (Mann and Whitney). Average precision: the
    sum over the distinct scores, from the highest, of precision times the recall gained, without interpolation.
    """
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    hits = np.bincount(group, truth.astype(np.float64), len(counts))
    positives = float(hits.sum())
    negatives = len(truth) - positives
    misses = counts - hits
    below = np.cumsum(misses) - misses
    roc = float((hits * (below + misses / 2)).sum() / (positives * negatives))
    found, called = np.cumsum(hits[::-1]), np.cumsum(counts[::-1])
    precision = float((found / called * hits[::-1]).sum() / positives)
    return roc, precision

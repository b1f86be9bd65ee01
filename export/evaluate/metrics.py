"""How good scores are: the figures that training writes every epoch and that an evaluation reports.

Pure numpy, a few milliseconds for thousands of rows. A row is a window or a track.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from export.evaluate.areas import areas
from export.evaluate.calibration import bins, expected_calibration_error, statements

Bools = npt.NDArray[np.bool_]
Scores = npt.NDArray[np.floating]
Truth = npt.NDArray[np.bool_] | npt.NDArray[np.integer] | npt.NDArray[np.floating]
Floats = npt.NDArray[np.float64]
THRESHOLD: Final = 0.5  # of labels without one of their own, where a clip may have several


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """Of every label, int64 (n_labels,): rows that have it, rows that were called it, rows that are both."""

    support: npt.NDArray[np.int64]
    called: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]

    @property
    def precision(self) -> Floats:
        """Of what was called so, the share that is; 0 where nothing was called so."""
        return np.asarray(self.hits / np.maximum(self.called, 1))

    @property
    def recall(self) -> Floats:
        """Of what is so, the share that was found; 0 where nothing is so."""
        return np.asarray(self.hits / np.maximum(self.support, 1))

    @property
    def f1(self) -> Floats:
        """The harmonic mean of both; 0 where both are."""
        return np.asarray(2 * self.hits / np.maximum(self.support + self.called, 1))


def figures(
    truth: Truth, scores: Scores, multi_label: bool, thresholds: Floats | float = THRESHOLD
) -> dict[str, float]:
    """The figures of (n, n_labels) scores in 0..1 against truth of 0 and 1; never NaN.

    With one label a row the label with the highest score is chosen, and rows without a label are left out; with
    several, every label that reaches its threshold. Means over labels leave out those without a positive row
    (`labels_judged` of `labels` remain), areas also those without a negative one. A figure that nothing is left for is
    not in the result, so without any positive row there is none but the counts. docs/evaluation.md explains each.
    """
    wanted = np.asarray(truth, np.float32) > 0.5
    if not multi_label:
        labelled = wanted.any(axis=1)
        wanted, scores = wanted[labelled], scores[labelled]
    found = {"rows": float(len(wanted)), "labels": float(wanted.shape[1])}
    judged = np.flatnonzero(wanted.any(axis=0))
    found["labels_judged"] = float(len(judged))
    if not len(judged):
        return found
    called = decisions(scores, multi_label, thresholds)
    found |= _of_decisions(wanted, called, multi_label)
    found |= _of_areas(wanted, scores)
    confidence, right = statements(wanted, scores, multi_label)
    found["ece"] = expected_calibration_error(bins(confidence, right))
    found["brier"] = float(np.mean((scores.astype(np.float64) - wanted) ** 2))
    return found


def decisions(scores: Scores, multi_label: bool, thresholds: Floats | float = THRESHOLD) -> Bools:
    """What is called what, bool (n, n_labels), of scores (n, n_labels): see `figures`."""
    if multi_label:
        return np.asarray(scores.astype(np.float64) >= thresholds)
    called = np.zeros(scores.shape, bool)
    called[np.arange(len(scores)), scores.argmax(axis=1)] = True
    return called


def label_counts(truth: Bools, called: Bools) -> LabelCounts:
    """Counts of each label over the rows of (n, n_labels)."""
    return LabelCounts(truth.sum(axis=0), called.sum(axis=0), (truth & called).sum(axis=0))


def label_areas(truth: Bools, scores: Scores) -> dict[int, tuple[float, float]]:
    """(ROC-AUC, average precision) of the labels, by place, that have both positive and negative rows."""
    positives = truth.sum(axis=0)
    both = np.flatnonzero((positives > 0) & (positives < len(truth)))
    return {int(label): areas(truth[:, label], scores[:, label]) for label in both}


def _of_decisions(truth: Bools, called: Bools, multi_label: bool) -> dict[str, float]:
    counts = label_counts(truth, called)
    judged = counts.support > 0
    right = truth == called
    total = float(counts.support.sum())
    found = float(counts.hits.sum())
    return {
        "accuracy": float(right.mean()) if multi_label else found / len(truth),
        "subset_accuracy": float(right.all(axis=1).mean()),
        "macro_f1": float(counts.f1[judged].mean()),
        "weighted_f1": float((counts.f1 * counts.support).sum() / total),
        "macro_precision": float(counts.precision[judged].mean()),
        "macro_recall": float(counts.recall[judged].mean()),
        "recall_positives": found / total,
    }


def _of_areas(truth: Bools, scores: Scores) -> dict[str, float]:
    each = list(label_areas(truth, scores).values())
    if not each:
        return {}
    return {
        "roc_auc": float(np.mean([roc for roc, _ in each])),
        "pr_auc": float(np.mean([precision for _, precision in each])),
    }

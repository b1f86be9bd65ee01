"""The figures of an evaluation, with scikit-learn as oracle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from export.evaluate.areas import areas
from export.evaluate.calibration import bins, expected_calibration_error, statements
from export.evaluate.metrics import decisions, figures, label_counts

Arrays = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
SHARED = ("macro_f1", "weighted_f1", "macro_precision", "macro_recall", "recall_positives", "subset_accuracy")


def some(seed: int, n: int, labels: int, multi_label: bool, decimals: int = 2) -> Arrays:
    """Scores that know a little of the truth, with ties."""
    random = np.random.default_rng(seed)
    if multi_label:
        truth = (random.random((n, labels)) < 0.3).astype(np.int64)
    else:
        truth = np.eye(labels, dtype=np.int64)[random.integers(0, labels, n)]
    scores = np.clip(0.4 * truth + 0.6 * random.random((n, labels)), 0, 1).round(decimals).astype(np.float32)
    return truth, scores


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(40, 80), labels=st.integers(2, 5), multi_label=st.booleans())
def test_figures_are_those_of_scikit_learn(seed: int, n: int, labels: int, multi_label: bool) -> None:
    truth, scores = some(seed, n, labels, multi_label)
    called = decisions(scores, multi_label).astype(np.int64)
    seen = truth.any(axis=0)
    found = figures(truth, scores, multi_label)
    judged = list(np.flatnonzero(seen))
    wanted: dict[str, float] = {}
    for mean, key in (("macro", "macro_"), ("weighted", "weighted_"), ("micro", "micro_")):
        precision, recall, f1, _ = oracle.precision_recall_fscore_support(
            truth, called, labels=judged, average=mean, zero_division=0
        )
        wanted |= {f"{key}precision": precision, f"{key}recall": recall, f"{key}f1": f1}
    wanted["recall_positives"] = wanted["micro_recall"]
    wanted["subset_accuracy"] = oracle.accuracy_score(truth, called)
    for key in SHARED:
        assert found[key] == pytest.approx(wanted[key]), key
    if multi_label:
        assert found["accuracy"] == pytest.approx(1 - oracle.hamming_loss(truth, called))
    else:
        assert found["accuracy"] == pytest.approx(oracle.accuracy_score(truth.argmax(1), scores.argmax(1)))
    both = [label for label in judged if truth[:, label].sum() < n]
    assert found["roc_auc"] == pytest.approx(np.mean([oracle.roc_auc_score(truth[:, k], scores[:, k]) for k in both]))
    assert found["pr_auc"] == pytest.approx(
        np.mean([oracle.average_precision_score(truth[:, k], scores[:, k]) for k in both])
    )
    assert found["brier"] == pytest.approx(
        np.mean([oracle.brier_score_loss(truth[:, k], scores[:, k], pos_label=1) for k in range(labels)])
    )
    assert all(np.isfinite(value) for value in found.values())


@given(
    scores=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=30),
    seed=st.integers(0, 1000),
)
def test_areas_hold_with_any_ties(scores: list[float], seed: int) -> None:
    truth = np.random.default_rng(seed).random(len(scores)) < 0.5
    truth[:2] = True, False
    roc, precision = areas(truth, np.array(scores, np.float32))
    assert roc == pytest.approx(oracle.roc_auc_score(truth, scores))
    assert precision == pytest.approx(oracle.average_precision_score(truth, scores))


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_label_without_positives_is_left_out_and_said(multi_label: bool) -> None:
    truth, scores = some(3, 50, 4, multi_label)
    truth[:, 2] = 0
    found = figures(truth, scores, multi_label)
    assert (found["labels"], found["labels_judged"]) == (4, 3)
    assert all(np.isfinite(value) for value in found.values())
    counts = label_counts(truth[truth.any(axis=1) | multi_label] > 0, np.ones_like(truth, bool)[: int(found["rows"])])
    assert counts.f1[2] == 0


def test_nothing_to_judge_gives_counts_only() -> None:
    scores = np.full((5, 3), 0.2, np.float32)
    for multi_label, rows in ((False, 0), (True, 5)):
        assert figures(np.zeros((5, 3)), scores, multi_label) == {"rows": rows, "labels": 3, "labels_judged": 0}
    one_class = figures(np.eye(3)[[1] * 5], scores, False)
    assert one_class["accuracy"] == 0 and "roc_auc" not in one_class


def test_rows_without_a_label_say_nothing_where_one_is_chosen() -> None:
    truth, scores = some(5, 40, 3, False)
    more_truth = np.concatenate([truth, np.zeros((10, 3), np.int64)])
    more_scores = np.concatenate([scores, np.full((10, 3), 0.9, np.float32)])
    assert figures(more_truth, more_scores, False) == figures(truth, scores, False)


def test_thresholds_are_each_labels_own() -> None:
    scores = np.array([[0.3, 0.6], [0.2, 0.9]], np.float32)
    assert decisions(scores, True).tolist() == [[False, True], [False, True]]
    assert decisions(scores, True, np.array([0.25, 0.7])).tolist() == [[True, False], [False, True]]
    truth = np.array([[1, 0], [0, 1]])
    assert figures(truth, scores, True, np.array([0.25, 0.7]))["subset_accuracy"] == 1
    assert figures(truth, scores, True)["subset_accuracy"] == 0.5


def test_calibration_of_scores_that_mean_what_they_say() -> None:
    random = np.random.default_rng(0)
    scores = random.random((20_000, 1))
    truth = random.random((20_000, 1)) < scores
    assert expected_calibration_error(bins(*statements(truth, scores, True))) < 0.02
    sure = np.ones_like(scores)
    assert expected_calibration_error(bins(*statements(truth, sure, True))) == pytest.approx(1 - truth.mean())


def test_calibration_by_hand() -> None:
    """Four statements in two bins: .9 and .9 of which one is right, .2 and .4 of which none is (bins of a half)."""
    confidence = np.array([0.9, 0.9, 0.2, 0.4])
    filled = bins(confidence, np.array([True, False, False, False]), n_bins=2)
    assert [(each.confidence, each.right, each.count) for each in filled] == [(pytest.approx(0.3), 0, 2), (0.9, 0.5, 2)]
    assert expected_calibration_error(filled) == pytest.approx(0.5 * 0.3 + 0.5 * 0.4)
    first, right = statements(np.eye(2, dtype=bool), np.array([[0.7, 0.3], [0.8, 0.2]]), False)
    assert first.tolist() == [0.7, 0.8] and right.tolist() == [True, False]

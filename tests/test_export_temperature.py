"""Thresholds and temperature: the best there are on the rows they are fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.metrics import f1_score, log_loss

from export.evaluate.calibration import bins, expected_calibration_error, statements
from export.evaluate.temperature import HIGHEST, LOWEST, fit_temperature, logits_of, loss, scores_at
from export.evaluate.thresholds import best_thresholds, threshold_array
from models.card import Activation

ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "softmax")


@given(
    rows=st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=1, max_size=25).filter(
        lambda rows: any(positive for positive, _ in rows)
    )
)
def test_no_threshold_is_better(rows: list[tuple[bool, float]]) -> None:
    truth = np.array([[positive] for positive, _ in rows])
    scores = np.array([[score] for _, score in rows], np.float32)
    found = best_thresholds(truth, scores, ["a"])["a"]
    assert 0 <= found <= 1

    def f1(threshold: float) -> float:
        called = scores[:, 0].astype(np.float64) >= threshold
        return float(f1_score(truth[:, 0], called, zero_division=0))

    others = [f1(threshold) for threshold in [*scores[:, 0].astype(np.float64), 0.0, 1.0]]
    assert f1(found) == pytest.approx(max(others))


def test_thresholds_lie_between_what_they_part() -> None:
    truth = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 1]])
    scores = np.array([[0.9, 0.5, 0.2], [0.8, 0.5, 0.2], [0.4, 0.5, 0.2]])
    found = best_thresholds(truth, scores, ["a", "b", "c"])
    assert found == {"a": pytest.approx(0.6), "c": pytest.approx(0.1)}  # of b there is no positive row
    assert threshold_array(found, ["c", "b", "a"]).tolist() == pytest.approx([0.1, 0.5, 0.6])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("true_temperature", [0.4, 1.0, 3.0])
def test_a_temperature_is_found_again(activation: Activation, true_temperature: float) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 3, (8000, 4))
    if activation == "softmax":
        chances = softmax(logits / true_temperature, axis=1)
        truth = (chances.cumsum(axis=1) > random.random((8000, 1))).argmax(axis=1)[:, np.newaxis] == np.arange(4)
    else:
        truth = random.random(logits.shape) < expit(logits / true_temperature)
    found = fit_temperature(logits.astype(np.float32), truth, activation)
    assert found == pytest.approx(true_temperature, rel=0.06)
    before = expected_calibration_error(bins(*statements(truth, scores_at(logits, 1.0, activation), True)))
    after = expected_calibration_error(bins(*statements(truth, scores_at(logits, found, activation), True)))
    assert after < 0.02 and after <= before + 1e-3


@given(seed=st.integers(0, 1000), activation=st.sampled_from(ACTIVATIONS))
def test_no_temperature_fits_better(seed: int, activation: Activation) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (30, 3))
    truth = np.eye(3)[random.integers(0, 3, 30)]
    found = fit_temperature(logits, truth, activation)
    assert LOWEST <= found <= HIGHEST
    others = [loss(logits / other, truth, activation) for other in np.geomspace(LOWEST, HIGHEST, 100)]
    assert loss(logits / found, truth, activation) <= min(others) + 1e-6


def test_the_loss_is_scikit_learns() -> None:
    random = np.random.default_rng(2)
    logits, labels = random.normal(0, 2, (50, 3)), random.integers(0, 3, 50)
    truth = np.eye(3)[labels]
    assert loss(logits, truth, "softmax") == pytest.approx(log_loss(labels, softmax(logits, axis=1)))
    each = [log_loss(truth[:, k], expit(logits[:, k])) for k in range(3)]
    assert loss(logits, truth, "sigmoid") == pytest.approx(np.mean(each))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_come_back_from_scores(activation: Activation) -> None:
    logits = np.random.default_rng(3).normal(0, 3, (40, 5))
    scores = scores_at(logits, 1.0, activation).astype(np.float32)
    again = scores_at(logits_of(scores, activation), 2.0, activation)
    assert again == pytest.approx(scores_at(logits, 2.0, activation), abs=1e-5)
    assert np.isfinite(logits_of(np.array([[0.0, 1.0]], np.float32), activation)).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nothing_to_fit_leaves_scores_as_they_are(activation: Activation) -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros((0, 3)), activation) == 1.0
    assert fit_temperature(np.ones((2, 3)), np.zeros((2, 3)), "softmax") == 1.0

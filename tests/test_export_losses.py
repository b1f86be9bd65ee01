"""The losses are the formulas, the schedules are torch's, and sums over an epoch are what they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn, optim
from torch.nn import functional

from export.train.losses import (
    activated,
    activation_of,
    asl,
    asymmetric_focal,
    cross_entropy,
    label_weights,
    make_loss,
    positive_weights,
    soft_binary_cross_entropy,
    soft_cross_entropy,
)
from export.train.schedule import learning_rate
from export.train.settings import LossSettings, ScheduleSettings
from export.train.tally import Tally, mean_loss, recall

LOGITS = torch.tensor([[0.3, -1.2, 4.5], [-7.0, 0.0, 2.0]])
TARGETS = torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
Doubles = npt.NDArray[np.float64]


def by_hand(formula: Callable[[float, float], float]) -> float:
    """The mean of `formula`(sigmoid(z), y) over LOGITS and TARGETS, in Python's floats."""
    pairs = zip(LOGITS.flatten().tolist(), TARGETS.flatten().tolist(), strict=True)
    return float(np.mean([formula(1 / (1 + math.exp(-z)), y) for z, y in pairs]))


def test_the_asymmetric_focal_loss_is_the_formula() -> None:
    def formula(p: float, y: float) -> float:
        p = min(max(p, 0.05), 0.95)
        return -(y * (1 - p) ** 1 * math.log(p) + (1 - y) * p**4 * math.log(1 - p))

    found = asymmetric_focal(LOGITS, TARGETS, gamma_positive=1, gamma_negative=4)
    assert float(found) == pytest.approx(by_hand(formula), rel=1e-5)


def test_beyond_its_clamp_the_focal_loss_teaches_nothing() -> None:
    logits = torch.tensor([[4.0, -4.0, 0.0]], requires_grad=True)
    asymmetric_focal(logits, torch.tensor([[1.0, 1.0, 1.0]]), 1, 4).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0, :2].tolist() == [0, 0]
    assert float(logits.grad[0, 2]) < 0


def test_the_published_asl_is_the_formula() -> None:
    def formula(p: float, y: float) -> float:
        shifted = max(p - 0.05, 0)
        return -(y * (1 - p) ** 1 * math.log(p) + (1 - y) * shifted**4 * math.log(1 - shifted))

    found = asl(LOGITS, TARGETS, gamma_positive=1, gamma_negative=4, shift=0.05)
    assert float(found) == pytest.approx(by_hand(formula), rel=1e-5)


def test_asl_is_binary_cross_entropy_without_focus_and_shift_and_leaves_easy_negatives_alone() -> None:
    plain = functional.binary_cross_entropy_with_logits(LOGITS, TARGETS)
    torch.testing.assert_close(asl(LOGITS, TARGETS, 0, 0, 0), plain)
    easy = torch.tensor([[-3.0, -20.0, -90.0]], requires_grad=True)  # under the shift
    loss = asl(easy, torch.zeros(1, 3), 1, 4, 0.05)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert easy.grad is not None and not easy.grad.any()


@given(st.lists(st.floats(-80, 80), min_size=6, max_size=6), st.lists(st.floats(0, 1), min_size=6, max_size=6))
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("kind", ["asymmetric-focal", "asl", "bce", "ce", "soft-bce", "kl"])
def test_every_loss_is_a_number_with_a_gradient(kind: Any, logits: list[float], targets: list[float]) -> None:
    z = torch.tensor(logits).reshape(2, 3).requires_grad_()
    y = torch.tensor(targets).reshape(2, 3)
    if kind in ("ce", "kl"):
        y = torch.softmax(y, dim=1)
    loss = make_loss(LossSettings(kind=kind), None)(z, y)
    loss.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert bool(torch.isfinite(loss)) and bool(torch.isfinite(z.grad).all())
    assert loss.item() >= -1e-5


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_asl_has_a_gradient_with_any_gamma_however_sure_the_network_is(gamma: float, target: float) -> None:
    z = torch.tensor([[-100.0, -30.0, -3.0, 3.0, 30.0, 100.0]], requires_grad=True)
    loss = asl(z, torch.full_like(z, target), gamma, gamma, 0.05)
    loss.backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert bool(torch.isfinite(loss)) and bool(torch.isfinite(z.grad).all())


@given(st.lists(st.floats(-6, 6), min_size=6, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_student_that_says_what_its_teacher_says_has_no_loss_and_nothing_to_learn(logits: list[float]) -> None:
    z = torch.tensor(logits).reshape(2, 3)
    for loss, teacher in ((soft_binary_cross_entropy, torch.sigmoid(z)), (soft_cross_entropy, torch.softmax(z, dim=1))):
        student = z.clone().requires_grad_()
        value = loss(student, teacher)
        value.backward()  # type: ignore[no-untyped-call]
        assert value.item() == pytest.approx(0, abs=1e-5)
        assert student.grad is not None
        assert float(student.grad.abs().max()) < 1e-5
        assert loss(z + torch.tensor([0.5, -0.5, 0.0]), teacher).item() > 1e-5


def test_positive_weights_are_the_formula() -> None:
    targets = torch.tensor([[1.0, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0]])
    # five positives of three labels: 5/(3*3), 5/(3*2); the third never occurs
    torch.testing.assert_close(positive_weights(targets), torch.tensor([5 / 9, 5 / 6, 1.0]))


def test_bce_uses_the_weights_and_ce_takes_mixed_targets() -> None:
    weights = torch.tensor([2.0, 1.0, 0.5])
    wanted = functional.binary_cross_entropy_with_logits(LOGITS, TARGETS, pos_weight=weights)
    torch.testing.assert_close(make_loss(LossSettings(kind="bce"), weights)(LOGITS, TARGETS), wanted)
    mixed = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0]])
    wanted = -(mixed * torch.log_softmax(LOGITS, dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(cross_entropy(LOGITS, mixed), wanted)


def test_each_loss_has_its_activation() -> None:
    found = {kind: activation_of(LossSettings(kind=kind)) for kind in ("bce", "asl", "asymmetric-focal", "ce", "kl")}
    assert found == {
        "bce": "sigmoid",
        "asl": "sigmoid",
        "asymmetric-focal": "sigmoid",
        "ce": "softmax",
        "kl": "softmax",
    }
    torch.testing.assert_close(activated(LOGITS, "sigmoid"), torch.sigmoid(LOGITS))
    torch.testing.assert_close(activated(LOGITS, "softmax").sum(dim=1), torch.ones(2))


STEPS, EPOCHS = 5, 12
VALIDATION = [1.0, 0.9, 0.95, 0.9, 0.89999, 0.91, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def torchs_rates(schedule: ScheduleSettings) -> list[float]:
    """The rate of every step by torch's own class."""
    optimiser = optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    each_step: Any = None
    each_epoch: Any = None
    if schedule.kind == "cosine":
        each_step = optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS * EPOCHS)
    elif schedule.kind == "one-cycle":
        each_step = optim.lr_scheduler.OneCycleLR(optimiser, 0.1, STEPS * EPOCHS)
    elif schedule.kind == "step":
        each_epoch = optim.lr_scheduler.StepLR(optimiser, schedule.step_epochs, schedule.factor)
    else:
        each_epoch = optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=schedule.factor, patience=schedule.patience)
    found = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            found.append(float(optimiser.param_groups[0]["lr"]))
            optimiser.step()
            if each_step is not None:
                each_step.step()
        if each_epoch is not None:
            each_epoch.step(VALIDATION[epoch]) if schedule.kind == "plateau" else each_epoch.step()
    return found


@pytest.mark.parametrize(
    "schedule",
    [
        ScheduleSettings(kind="cosine"),
        ScheduleSettings(kind="one-cycle"),
        ScheduleSettings(kind="step", step_epochs=5, factor=0.3),
        ScheduleSettings(kind="plateau", patience=2),
        ScheduleSettings(kind="plateau", patience=0, factor=0.5),
    ],
    ids=lambda schedule: schedule.kind,
)
def test_the_rates_are_torchs(schedule: ScheduleSettings) -> None:
    found = [
        learning_rate(schedule, 0.1, step, STEPS, EPOCHS, VALIDATION[: step // STEPS]) for step in range(STEPS * EPOCHS)
    ]
    np.testing.assert_allclose(found, torchs_rates(schedule), rtol=1e-6, atol=1e-12)


def test_a_warm_up_rises_to_the_rate() -> None:
    schedule = ScheduleSettings(kind="constant", warmup_steps=4)
    found = [learning_rate(schedule, 1.0, step, 10, 1, []) for step in range(6)]
    assert found == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_the_shortest_runs_have_rates_too(n_steps: int) -> None:
    for kind in ("constant", "plateau", "cosine", "step", "one-cycle"):
        schedule = ScheduleSettings.model_validate({"kind": kind})
        rates = [learning_rate(schedule, 0.1, step, n_steps, 1, []) for step in range(n_steps)]
        assert all(0 < rate <= 0.1 for rate in rates), kind


def test_class_weights_are_inverse_to_the_labels_shares_and_1_on_the_mean_window() -> None:
    targets = functional.one_hot(torch.tensor([0, 0, 0, 0, 1, 1, 2, 0])).float()
    weighing = LossSettings(kind="ce", class_weights=True)
    weights = label_weights(weighing, targets)
    assert weights is not None and weights.tolist() == pytest.approx([8 / 15, 8 / 6, 8 / 3])
    assert (weights * targets).sum() / len(targets) == pytest.approx(1.0)
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    loss = make_loss(weighing, weights)(logits, targets)
    by_hand = -(weights * targets * functional.log_softmax(logits, dim=1)).sum() / 8
    assert loss.item() == pytest.approx(by_hand.item())
    for without in (LossSettings(kind="ce"), LossSettings(kind="asl", class_weights=True)):
        assert label_weights(without, targets) is None


def test_a_tally_is_of_windows_and_positives() -> None:
    tally = Tally(True, torch.device("cpu"), [])
    assert math.isnan(tally.loss)
    tally.add(torch.tensor(2.0), LOGITS, TARGETS)
    tally.add(torch.tensor(5.0), LOGITS[:1], TARGETS[:1])
    assert tally.sums == [9.0, 3.0, 4.0, 5.0]  # of the three positives in the first batch one is missed
    assert mean_loss(tally.sums) == 3 and recall(tally.sums) == 0.8
    again = Tally(True, torch.device("cpu"), tally.sums)
    assert again.sums == tally.sums


def test_with_one_label_a_clip_the_highest_is_called() -> None:
    tally = Tally(False, torch.device("cpu"), [])
    one_hot: Tensor = torch.tensor([[0.0, 0, 1], [0, 1, 0]])
    tally.add(torch.tensor(0.0), torch.tensor([[-3.0, -2, -1], [3, 1, 2]]), one_hot)
    assert tally.sums[2:] == [1, 2]

"""What training makes small: functions of logits and targets, both float32 (batch, n_labels), to one number.

Targets are 0 and 1, or in between: mixed windows (mixup) and what a teacher says. Means are over windows and labels,
of `cross_entropy` and `soft_cross_entropy` over windows.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from export.train.settings import SOFTMAX_LOSSES, LossSettings
from models.card import Activation

Loss = Callable[[Tensor, Tensor], Tensor]

_CLAMP: Final = 0.05  # of the focal loss; its probabilities lie in [.05, .95]
_TINY: Final = 1e-8


def make_loss(settings: LossSettings, weights: Tensor | None) -> Loss:
    """The loss that the settings name; weights: float32 (n_labels,), see `label_weights`."""
    if settings.kind == "asymmetric-focal":
        return partial(asymmetric_focal, gamma_positive=settings.gamma_positive, gamma_negative=settings.gamma_negative)
    if settings.kind == "asl":
        return partial(
            asl,
            gamma_positive=settings.gamma_positive,
            gamma_negative=settings.gamma_negative,
            shift=settings.probability_shift,
        )
    if settings.kind == "bce":
        return partial(functional.binary_cross_entropy_with_logits, pos_weight=weights)
    others: dict[str, Loss] = {
        "ce": partial(cross_entropy, smoothing=settings.label_smoothing, weights=weights),
        "soft-bce": soft_binary_cross_entropy,
        "kl": soft_cross_entropy,
    }
    return others[settings.kind]


def activation_of(settings: LossSettings) -> Activation:
    """What turns the logits of a network that was trained with this loss into scores."""
    return "softmax" if settings.kind in SOFTMAX_LOSSES else "sigmoid"


def activated(logits: Tensor, activation: Activation) -> Tensor:
    """(batch, n_labels) -> scores in 0..1."""
    return torch.softmax(logits, dim=1) if activation == "softmax" else torch.sigmoid(logits)


def asymmetric_focal(logits: Tensor, targets: Tensor, gamma_positive: float, gamma_negative: float) -> Tensor:
    """-mean[y (1-p)^g+ ln p + (1-y) p^g- ln(1-p)], p = sigmoid(z) clamped to [.05, .95].

    Beyond the clamp nothing more is learnt of a label: one that is right enough, or hopeless, is left alone.
    """
    p = torch.sigmoid(logits).clamp(_CLAMP, 1 - _CLAMP)
    positive = targets * (1 - p) ** gamma_positive * torch.log(p)
    negative = (1 - targets) * p**gamma_negative * torch.log(1 - p)
    return -(positive + negative).mean()


def asl(logits: Tensor, targets: Tensor, gamma_positive: float, gamma_negative: float, shift: float) -> Tensor:
    """The asymmetric loss of Ridnik et al. (ICCV 2021), equations 4 to 6, as a mean.

    -mean[y (1-p)^g+ ln p + (1-y) p_m^g- ln(1-p_m)], p_m = max(p - shift, 0): negatives under the shift count nothing.
    """
    p = torch.sigmoid(logits)
    shifted = (p - shift).clamp_min(0)
    away = (1 - p).clamp_min(_TINY)  # not 0: there a gamma under 1 has no slope that is a number
    positive = targets * away**gamma_positive * functional.logsigmoid(logits)
    negative = (1 - targets) * shifted**gamma_negative * torch.log((1 - shifted).clamp_min(_TINY))
    return -(positive + negative).mean()


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """-mean over windows of the sum over labels of w y ln softmax(z); targets are one-hot, or mixed."""
    return functional.cross_entropy(logits, targets, weights, label_smoothing=smoothing)


def soft_binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy against scores of a teacher, less what the teacher's own doubt costs: 0 when equal.

    The mean Kullback-Leibler divergence of the labels' yes and no.
    """
    doubt: Tensor = -(torch.special.xlogy(targets, targets) + torch.special.xlogy(1 - targets, 1 - targets)).mean()
    return functional.binary_cross_entropy_with_logits(logits, targets) - doubt


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of softmax(z) from a teacher's distribution over the labels: 0 when equal."""
    found: Tensor = functional.kl_div(functional.log_softmax(logits, dim=1), targets, reduction="batchmean")
    return found


def label_weights(settings: LossSettings, targets: Tensor) -> Tensor | None:
    """What the loss weighs labels with, of the targets (n, n_labels) of all that is learnt from; None: alike."""
    if settings.kind == "bce" and settings.pos_weight:
        return positive_weights(targets)
    if settings.kind == "ce" and settings.class_weights:
        return positive_weights(targets)
    return None


def positive_weights(targets: Tensor) -> Tensor:
    """pos_weight_c = total positives / (C * positives_c) of targets (n, n_labels): float32 (n_labels,).

    A label that never occurs has the weight 1.
    """
    positives = targets.double().sum(dim=0)
    weights = positives.sum() / (len(positives) * positives.clamp_min(_TINY))
    return torch.where(positives > 0, weights, torch.ones_like(weights)).float()

"""One number that makes scores mean what they say: scores = activation(logits / temperature).

Temperature scaling, Guo et al. (ICML 2017). The order of the scores stays as it is; above 1 they become less sure.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from export.evaluate.metrics import Truth
from models.card import Activation

Floats = npt.NDArray[np.floating]
LOWEST: Final = 0.05
HIGHEST: Final = 20.0
_SURE: Final = 1e-7  # scores are float32: nothing nearer to 0 or 1 can be told apart from them


def fit_temperature(logits: Floats, truth: Truth, activation: Activation) -> float:
    """The temperature, within 0.05..20, under which `truth` is most likely.

    logits: (n, n_labels) before the activation; truth: 0 and 1 of the same shape. With softmax, rows without a label
    say nothing, and one with several is shared among them. 1 where there is nothing to fit.
    """
    wanted = np.asarray(truth, np.float64)
    given = np.asarray(logits, np.float64)
    if activation == "softmax":
        labelled = wanted.any(axis=1)
        wanted, given = wanted[labelled], given[labelled]
    if not wanted.size:
        return 1.0
    # The likelihood is concave in 1/temperature, so there is one best value.
    best = minimize_scalar(  # type: ignore[no-untyped-call]
        lambda log_inverse: loss(given * np.exp(log_inverse), wanted, activation),
        bounds=(-np.log(HIGHEST), -np.log(LOWEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(-best.x))


def loss(logits: Floats, truth: Floats, activation: Activation) -> float:
    """Mean negative logarithm of the likelihood: cross entropy, binary of every label for the sigmoid."""
    if activation == "softmax":
        shares = truth / truth.sum(axis=1, keepdims=True)
        return float(-(shares * log_softmax(logits, axis=1)).sum(axis=1).mean())
    return float(np.mean(np.logaddexp(0, logits) - truth * logits))


def scores_at(logits: Floats, temperature: float, activation: Activation) -> Floats:
    """activation(logits / temperature), (n, n_labels)."""
    found: Floats = softmax(logits / temperature, axis=1) if activation == "softmax" else expit(logits / temperature)
    return found


def logits_of(scores: Floats, activation: Activation) -> Floats:
    """Logits that give these scores, for models that only give scores; with softmax up to a constant a row."""
    inside = np.clip(scores.astype(np.float64), _SURE, 1 - _SURE)
    found: Floats = np.log(inside)
    return found if activation == "softmax" else found - np.log1p(-inside)

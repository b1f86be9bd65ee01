"""The learning rate, as a function of how far training has come; so there is no schedule's state to keep.

Equal to torch's ReduceLROnPlateau, CosineAnnealingLR (to 0, each step), StepLR and OneCycleLR.
"""

import math
from collections.abc import Sequence
from typing import Final

from export.train.settings import ScheduleSettings

_LEAST_FALL: Final = 1e-4  # of the validation loss, relative: less is a plateau
_FIRST_DIVISOR: Final = 25.0  # of one-cycle's first rate
_LAST_DIVISOR: Final = 1e4  # of its last rate, of the first one
_RISING: Final = 0.3  # of one-cycle's steps


def learning_rate(
    schedule: ScheduleSettings,
    base: float,
    step: int,
    steps_per_epoch: int,
    epochs: int,
    validation_losses: Sequence[float],
) -> float:
    """The rate of a step, counted from 0 over all epochs; validation_losses: of the epochs before."""
    n_steps = steps_per_epoch * epochs
    if schedule.kind == "one-cycle":
        return _one_cycle(base, step, n_steps)
    factor = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    if schedule.kind == "cosine":
        factor *= 0.5 * (1 + math.cos(math.pi * step / n_steps))
    elif schedule.kind == "step":
        factor *= schedule.factor ** (step // steps_per_epoch // schedule.step_epochs)
    elif schedule.kind == "plateau":
        factor *= schedule.factor ** plateaus(validation_losses, schedule.patience)
    return base * factor


def plateaus(losses: Sequence[float], patience: int) -> int:
    """How often more than `patience` losses in a row were no fall."""
    best, unmoved, found = math.inf, 0, 0
    for loss in losses:
        if loss < best * (1 - _LEAST_FALL):
            best, unmoved = loss, 0
        else:
            unmoved += 1
        if unmoved > patience:
            found, unmoved = found + 1, 0
    return found


def _one_cycle(highest: float, step: int, n_steps: int) -> float:
    first = highest / _FIRST_DIVISOR
    top = max(_RISING * n_steps - 1, 1.0)
    if step <= top:
        return _annealed(first, highest, step / top)
    return _annealed(highest, first / _LAST_DIVISOR, (step - top) / max(n_steps - 1 - top, 1.0))


def _annealed(start: float, end: float, done: float) -> float:
    """From `start` to `end` along half a cosine, `done` from 0 to 1."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(done, 1.0)))

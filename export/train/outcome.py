"""What a training run says while it goes on and when it ends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


class StopTraining(Exception):
    """Raised by `on_epoch`: the run ends here, as it would after its last epoch. What it has learnt is kept."""


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """One epoch, counted from 1.

    figures: of the validation windows (`export.evaluate.metrics`, or of soft targets `export.train.validation`).
    best: whether no epoch before was better by what `early_stop.watch` names. seconds: training and validation.
    """

    epoch: int
    train_loss: float
    train_recall: float
    validation_loss: float
    figures: Mapping[str, float]
    learning_rate: float
    windows: int
    seconds: float
    best: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to: the best epoch's validation loss and figures. ended: why it went no further."""

    best_epoch: int
    validation_loss: float
    figures: Mapping[str, float]
    epochs: int
    ended: str


OnEpoch = Callable[[EpochFigures], None]

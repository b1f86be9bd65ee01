"""One trial: values drawn, settings made, a network trained, and its figure on the validation set."""

import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import optuna

from export.errors import CannotWrite, ExportError, InputUnusable
from export.train.outcome import EpochFigures, OnEpoch, Outcome, StopTraining
from export.train.run_folder import RunFolder, resumable
from export.train.settings import TrainSettings
from export.train.validation import known_figures
from export.tune.applied import Hearer, applied
from export.tune.claims import ERROR, RUN
from export.tune.space import Space

LOSS: Final = "loss"

# Trains with settings in a run folder, resuming if told so, and tells of each epoch.
Trainer = Callable[[TrainSettings, Path, bool, OnEpoch], Outcome]


class TrialFailed(Exception):
    """Training could not be done with these values; the study goes on."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What Optuna calls. begun: called with the trial's number once it has its values. hearer: as of `applied`."""

    base: TrainSettings
    space: Space
    metric: str
    runs: Path
    trainer: Trainer
    begun: Callable[[int], None]
    hearer: Hearer | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        """The metric of the best epoch. TrialPruned; TrialFailed."""
        began_s = time.monotonic()
        try:
            values = {name: dimension.suggest(trial, name) for name, dimension in self.space.items()}
            run = self._run(trial)
        finally:
            self.begun(trial.number)
        watch = _Watch(trial, self.metric)
        try:
            resume = resumable(RunFolder(run))
            outcome = self.trainer(applied(self.base, values, self.hearer), run, resume, watch)
        except CannotWrite:
            raise
        except (ExportError, RuntimeError, ValueError, ArithmeticError) as error:
            message = (str(error).splitlines() or [type(error).__name__])[0]
            trial.set_user_attr(ERROR, message)
            raise TrialFailed(message) from error
        trial.set_user_attr("epochs", outcome.epochs)
        trial.set_user_attr("best_epoch", outcome.best_epoch)
        trial.set_user_attr("seconds", round(time.monotonic() - began_s, 1))
        if watch.pruned or outcome.ended == "stopped":  # also by a process that was killed before it could say so
            raise optuna.TrialPruned
        value = metric_of(self.metric, outcome)
        if value is None:
            trial.set_user_attr(ERROR, f"no figure {self.metric} came of it")
            raise TrialFailed
        return value

    def _run(self, trial: optuna.Trial) -> Path:
        """The trial's folder: that of the trial it repeats, else its own."""
        name = str(trial.user_attrs.get(RUN) or f"trial-{trial.number:04d}")
        trial.set_user_attr(RUN, name)
        trial.set_user_attr("process", f"{socket.gethostname()}:{os.getpid()}")
        return self.runs / name


class _Watch:
    """Hears of each epoch, reports it to the study, and stops what is worse than the median of the others."""

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self._trial, self._metric = trial, metric
        self.pruned = False

    def __call__(self, epoch: EpochFigures) -> None:
        value = metric_of(self._metric, epoch)
        if value is None:
            return
        self._trial.report(value, epoch.epoch)
        if self._trial.should_prune():
            self.pruned = True
            raise StopTraining


def metric_of(metric: str, source: EpochFigures | Outcome) -> float | None:
    """The metric's value; None where it is missing or no number."""
    value = source.validation_loss if metric == LOSS else source.figures.get(metric)
    return float(value) if value is not None and math.isfinite(value) else None


def check_metric(metric: str, multi_label: bool) -> None:
    """InputUnusable for what no judgement of a set's validation windows has."""
    known = (LOSS, *known_figures(False, multi_label))
    if metric not in known:
        raise InputUnusable(f"--metric {metric}: no figure {metric}; there are {', '.join(known)}")

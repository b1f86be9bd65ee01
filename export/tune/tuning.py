"""The study's loop: look what is left, begin a trial, train, again; in as many processes as are started."""

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from export.errors import InputUnusable
from export.train.settings import TrainSettings
from export.train.validation import lower_is_better
from export.tune import claims
from export.tune.applied import Hearer, base_table
from export.tune.objective import Objective, Trainer, TrialFailed
from export.tune.space import Space, Value, grid_size, shuffled_grid
from export.tune.study_file import StudyLock, find_killed, open_study, writing

_POINT: Final = "point"  # user attribute: the number of the grid's point
_HOPELESS: Final = 3  # errors in a row, from the first trial on, that end the study


@dataclass(frozen=True, slots=True)
class Search:
    """What to search and how.

    grid: every combination, instead of TPE (Bergstra et al., NIPS 2011). trials: of all processes together; None: the
    whole grid, or 30. prune: stop trials below the median. heartbeat_s: a trial silent for four of them was killed.
    music: the set's fingerprint. hearer: as of `export.tune.applied.applied`.
    """

    base: TrainSettings
    space: Space
    metric: str
    music: str
    grid: bool = False
    trials: int | None = None
    prune: bool = True
    heartbeat_s: int = 5
    hearer: Hearer | None = None

    @property
    def budget(self) -> int:
        """How many trials the study shall have."""
        if self.grid:
            return min(self.trials or grid_size(self.space), grid_size(self.space))
        return self.trials or 30

    @property
    def plan(self) -> dict[str, Any]:
        """What must not change while a study goes on, as JSON."""
        return {
            "search": "grid" if self.grid else "tpe",
            "space": {name: dimension.table for name, dimension in self.space.items()},
            "settings": base_table(self.base),
            "metric": self.metric,
            "music": self.music,
        }


def tune(
    search: Search, study_file: Path, runs: Path, trainer: Trainer, told: Callable[[FrozenTrial], None]
) -> optuna.Study:
    """Run trials until the study has its number, others' included, and return it.

    Trials that a killed process left are repeated, from their last state. told: of each trial that ends here.
    InputUnusable when the study is another search's, or when the first trials all end in errors; CannotWrite.
    """
    with writing(study_file):
        return _tune(search, study_file, runs, trainer, told)


def _tune(
    search: Search, study_file: Path, runs: Path, trainer: Trainer, told: Callable[[FrozenTrial], None]
) -> optuna.Study:
    study_file.parent.mkdir(parents=True, exist_ok=True)
    runs.mkdir(parents=True, exist_ok=True)
    lock = StudyLock(study_file)
    with lock.held():
        minimise = lower_is_better(search.metric)
        study = open_study(study_file, search.plan, minimise, search.heartbeat_s, _pruner(search))
    turn = _Turn(lock)
    objective = Objective(search.base, search.space, search.metric, runs, trainer, turn.begun, search.hearer)
    points = shuffled_grid(search.space) if search.grid else None
    pause = threading.Event()
    while True:
        with lock.held():
            find_killed(study, study_file)
            trials = study.get_trials(deepcopy=False)
            _check_hope(trials)
            if claims.claimed(trials) < search.budget:
                if points is not None and not claims.waiting(trials):
                    _enqueue_next(study, points)
                told(_one_trial(study, objective, turn, search.base.seed + len(trials)))
                continue
        if not claims.running(trials):
            return study
        pause.wait(search.heartbeat_s)  # others are at work; if one is killed, its trial is ours


def _enqueue_next(study: optuna.Study, points: Sequence[Mapping[str, Value]]) -> None:
    """The first point of the grid that no trial has."""
    begun = {trial.user_attrs.get(_POINT) for trial in study.get_trials(deepcopy=False)}
    number = next(number for number in range(len(points)) if number not in begun)
    study.enqueue_trial(dict(points[number]), user_attrs={_POINT: number})


class _Turn:
    """Lets other processes on once a trial of this one has begun; `number` is that trial's."""

    def __init__(self, lock: StudyLock) -> None:
        self._lock, self.number = lock, -1

    def begun(self, number: int) -> None:
        """The trial has its values."""
        self.number = number
        self._lock.release()


def _one_trial(study: optuna.Study, objective: Objective, turn: _Turn, seed: int) -> FrozenTrial:
    """The trial that was run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    try:
        study.optimize(objective, n_trials=1, catch=(TrialFailed,))
    except (ValueError, UpdateFinishedTrialError):
        # This process was silent too long (a laptop that slept): another has taken its trial over.
        if study.trials[turn.number].state == TrialState.RUNNING:
            raise
    return study.trials[turn.number]


def _pruner(search: Search) -> optuna.pruners.BasePruner:
    """Nothing is pruned before 5 trials are done, nor in the first fifth of a trial's epochs."""
    if not search.prune:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, search.base.epochs // 5))


def _check_hope(trials: Sequence[FrozenTrial]) -> None:
    errors = claims.failed_alone(trials)
    if len(errors) >= _HOPELESS:
        raise InputUnusable(f"all of the first {len(errors)} trials failed; the last: {errors[-1]}")

"""Which trials count, which were killed and must be repeated: rules over a study's trials. Pure."""

from collections.abc import Sequence
from typing import Final

from optuna.trial import FrozenTrial, TrialState

REPEATS: Final = "repeats"  # user attribute: the trial that this one repeats
ERROR: Final = "error"  # user attribute: why training could not be done; such a trial is not repeated
RUN: Final = "run"  # user attribute: the run's folder
MOST_REPEATS: Final = 2


def claimed(trials: Sequence[FrozenTrial]) -> int:
    """Trials that are done, under way, or lost for good; those that wait, or are repeated by another, do not count."""
    replaced = repeated(trials)
    return sum(trial.state != TrialState.WAITING and trial.number not in replaced for trial in trials)


def repeated(trials: Sequence[FrozenTrial]) -> set[int]:
    """Numbers of the trials that another repeats."""
    return {trial.user_attrs[REPEATS] for trial in trials if REPEATS in trial.user_attrs}


def to_repeat(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials whose process ended under them, not yet repeated, and not too often before."""
    replaced = repeated(trials)
    return [
        trial
        for trial in trials
        if trial.state == TrialState.FAIL
        and ERROR not in trial.user_attrs
        and trial.number not in replaced
        and repeats_before(trial, trials) < MOST_REPEATS
    ]


def repeats_before(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """How many trials this one repeats, one after another."""
    by_number = {other.number: other for other in trials}
    count = 0
    while (number := trial.user_attrs.get(REPEATS)) is not None:
        trial = by_number[number]
        count += 1
    return count


def running(trials: Sequence[FrozenTrial]) -> int:
    """Trials under way, in this process or others."""
    return sum(trial.state == TrialState.RUNNING for trial in trials)


def waiting(trials: Sequence[FrozenTrial]) -> int:
    """Trials that have their values and wait for a process."""
    return sum(trial.state == TrialState.WAITING for trial in trials)


def failed_alone(trials: Sequence[FrozenTrial]) -> list[str]:
    """The errors, when nothing but errors came of the trials so far."""
    if any(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials):
        return []
    return [str(trial.user_attrs[ERROR]) for trial in trials if ERROR in trial.user_attrs]

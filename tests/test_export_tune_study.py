"""A study in its file: several processes, kills, grids, pruning, errors; "training" is a sum here."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from export.errors import CannotWrite, InputUnusable, SettingsUnusable
from export.train.outcome import OnEpoch, Outcome
from export.train.settings import TrainSettings
from export.tune.applied import applied
from export.tune.results import trial_rows
from export.tune.tuning import Search
from tests.process import TIME_LIMIT_S
from tests.tune_worker import BEST, EPOCHS, GRID, SumTrainer, score_of, search, take_part


def begun(folder: Path, trials: int, mode: str = "") -> subprocess.Popen[str]:
    """A process that takes part in the study."""
    command = [sys.executable, "-m", "tests.tune_worker", str(folder), str(trials), mode]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def states(study: optuna.Study) -> list[TrialState]:
    """Of the trials in their order."""
    return [trial.state for trial in study.trials]


def test_a_search_finds_what_is_best(tmp_path: Path) -> None:
    study, ended = take_part(tmp_path, search(18), SumTrainer())
    assert len(ended) == len(study.trials) == 18
    assert study.best_params["batch_size"] == 32
    assert study.best_params["optimiser.weight_decay"] == pytest.approx(BEST, abs=0.1)
    assert study.best_value == score_of(applied(TrainSettings(), study.best_params))


def test_a_study_goes_on_and_comes_out_as_one_that_never_stopped(tmp_path: Path) -> None:
    take_part(tmp_path / "a", search(3), SumTrainer())
    study, ended = take_part(tmp_path / "a", search(8), SumTrainer())
    assert len(ended) == 5
    whole, _ = take_part(tmp_path / "b", search(8), SumTrainer())
    assert [trial.params for trial in study.trials] == [trial.params for trial in whole.trials]
    assert not take_part(tmp_path / "a", search(8), SumTrainer())[1]


def test_a_grid_is_every_point_once(tmp_path: Path) -> None:
    take_part(tmp_path, search(2, grid=True), SumTrainer())
    study, ended = take_part(tmp_path, search(None, grid=True), SumTrainer())
    points = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert len(ended) == 4 and len(study.trials) == 6
    assert points == {
        (("batch_size", size), ("optimiser.weight_decay", decay))
        for size in (16, 32)
        for decay in GRID["optimiser.weight_decay"].grid
    }


@pytest.mark.parametrize(("mode", "trials"), [("", 7), ("grid", 6)])
def test_two_processes_share_the_trials(tmp_path: Path, mode: str, trials: int) -> None:
    workers = [begun(tmp_path, trials, mode) for _ in range(2)]
    said = [worker.communicate(timeout=TIME_LIMIT_S)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(int(words[-1]) for words in said) == trials
    study, ended = take_part(tmp_path, search(trials, grid=mode == "grid"), SumTrainer())
    assert not ended and states(study) == [TrialState.COMPLETE] * trials
    assert len({str(trial.params) for trial in study.trials}) == trials
    assert len({trial.user_attrs["run"] for trial in study.trials}) == trials


def test_a_killed_trial_is_repeated_from_its_last_state(tmp_path: Path) -> None:
    worker = begun(tmp_path, 4, "hang")
    assert worker.stdout is not None
    assert [worker.stdout.readline(), worker.stdout.readline()] == ["begun\n", "hanging\n"]
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate(timeout=TIME_LIMIT_S)
    trainer = SumTrainer()
    study, ended = take_part(tmp_path, search(4), trainer)
    assert states(study).count(TrialState.COMPLETE) == len(ended) == 4
    (killed,) = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    (again,) = [trial for trial in study.trials if trial.user_attrs.get("repeats") == killed.number]
    assert again.params == killed.params and again.user_attrs["run"] == killed.user_attrs["run"]
    assert trainer.resumed_from == [1]
    assert sorted(again.intermediate_values) == [1, 2, 3, 4]
    shown = {row.number: row.state for row in trial_rows(study)}
    assert shown[killed.number] == "killed, repeated" and shown[again.number] == f"done (repeats {killed.number})"


def test_a_trial_whose_process_never_had_a_heartbeat_is_given_up_too(tmp_path: Path) -> None:
    study, _ = take_part(tmp_path, search(1), SumTrainer())
    left = study.ask()  # a trial that runs, of a process that is gone
    study, ended = take_part(tmp_path, search(3), SumTrainer())
    assert len(ended) == 2
    assert study.trials[left.number].state == TrialState.FAIL


def test_what_is_worse_than_the_median_is_pruned(tmp_path: Path) -> None:
    study, _ = take_part(tmp_path, search(12, prune=True), SumTrainer())
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned and all(trial.user_attrs["epochs"] < 4 for trial in pruned)
    assert study.best_trial.state == TrialState.COMPLETE


class StoppedTrainer(SumTrainer):
    """Finds a run that was stopped, by a process that was killed before it could tell the study."""

    def __call__(self, settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
        """Report."""
        return Outcome(1, 1.0, {"macro_f1": 0.9}, 1, "stopped")


def test_a_run_that_was_stopped_is_a_pruned_trial(tmp_path: Path) -> None:
    study, _ = take_part(tmp_path, search(2), StoppedTrainer())
    assert states(study) == [TrialState.PRUNED] * 2


class FailingTrainer(SumTrainer):
    """Fails where `fails` says so."""

    def __init__(self, fails: Callable[[TrainSettings], bool], error: Exception) -> None:
        super().__init__()
        self._fails, self._error = fails, error

    def __call__(self, settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
        """Train, or fail."""
        if self._fails(settings):
            raise self._error
        return super().__call__(settings, run, resume, on_epoch)


def test_settings_that_cannot_be_trained_are_one_failed_trial(tmp_path: Path) -> None:
    trainer = FailingTrainer(lambda settings: settings.batch_size == 16, SettingsUnusable("too small a batch"))
    study, ended = take_part(tmp_path, search(8), trainer)
    failed = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert failed and len(ended) == len(study.trials) == 8
    assert {trial.user_attrs["error"] for trial in failed} == {"too small a batch"}
    assert not take_part(tmp_path, search(8), trainer)[1]  # errors are not repeated


def test_a_study_without_hope_ends(tmp_path: Path) -> None:
    trainer = FailingTrainer(lambda settings: True, InputUnusable("no clips in the split train"))
    with pytest.raises(InputUnusable, match="all of the first 3 trials failed; the last: no clips"):
        take_part(tmp_path, search(8), trainer)


def test_a_defect_ends_the_process_and_the_trial_is_repeated(tmp_path: Path) -> None:
    trainer = FailingTrainer(lambda settings: True, OSError(28, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        take_part(tmp_path, search(3), trainer)
    study, ended = take_part(tmp_path, search(3), SumTrainer())
    assert len(ended) == 3 and states(study).count(TrialState.FAIL) == 1


@pytest.mark.parametrize(
    ("size", "trial"),
    [(2_000, 0), (60_000, 0), (10_000, 3), (115_000, 0)],
    ids=["the first byte", "while it is begun", "while a trial is under way", "later"],
)
def test_a_study_that_finds_no_more_room_says_so_and_goes_on_when_there_is(
    tmp_path: Path, size: int, trial: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    epochs = itertools.count(1)

    def fill(epoch: int) -> None:
        if next(epochs) == EPOCHS * trial:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    try:
        if not trial:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        with pytest.raises(CannotWrite, match=r"study\.sqlite: the study cannot be written \(.*\): make room there"):
            take_part(tmp_path, search(60), SumTrainer(fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "Traceback" not in capfd.readouterr().err
    study, _ = take_part(tmp_path, search(4), SumTrainer())
    assert states(study).count(TrialState.COMPLETE) >= 4


def test_a_trial_that_was_taken_over_does_not_disturb_its_process(tmp_path: Path) -> None:
    """A process that slept too long: another has failed its trial meanwhile, and repeats it."""
    taken: list[FrozenTrial] = []

    def take_over(epoch: int) -> None:
        if not taken and epoch == 2:
            study = optuna.load_study(study_name="genred", storage=f"sqlite:///{tmp_path / 'study.sqlite'}")
            taken.append(study.trials[-1])
            study.tell(taken[0].number, state=TrialState.FAIL)

    study, _ = take_part(tmp_path, search(4), SumTrainer(take_over))
    assert states(study).count(TrialState.COMPLETE) == 4
    assert [trial.user_attrs.get("repeats") for trial in study.trials].count(taken[0].number) == 1


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda wanted: replace(wanted, metric="accuracy"), "metric: 'macro_f1' then, 'accuracy' now"),
        (lambda wanted: replace(wanted, music="other"), "music: 'music' then, 'other' now"),
        (lambda wanted: replace(wanted, space=GRID), "space.optimiser.weight_decay.points: 7 then, 3 now"),
        (lambda wanted: replace(wanted, base=TrainSettings(epochs=5)), "settings.epochs: 4 then, 5 now"),
    ],
)
def test_another_search_does_not_go_on_with_a_study(
    tmp_path: Path, other: Callable[[Search], Search], said: str
) -> None:
    take_part(tmp_path, search(1), SumTrainer())
    with pytest.raises(InputUnusable) as error:
        take_part(tmp_path, other(search(2)), SumTrainer())
    assert said in str(error.value) and "name another --study" in str(error.value)


def test_a_file_that_is_no_study_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.sqlite").write_text("not a database, but long enough to look at\n" * 100)
    with pytest.raises(InputUnusable, match="not a study"):
        take_part(tmp_path, search(1), SumTrainer())

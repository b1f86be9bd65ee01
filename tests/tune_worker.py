"""A program that takes part in a study whose "training" is a sum: `python -m tests.tune_worker FOLDER TRIALS MODE`.

MODE "hang": the second epoch of the first trial never ends, after a line on standard output.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from export.train.outcome import EpochFigures, OnEpoch, Outcome, StopTraining
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.tune.space import Choices, Range, Space
from export.tune.tuning import Search, tune

SPACE: Space = {"optimiser.weight_decay": Range(0.0, 1.0, points=7), "batch_size": Choices((16, 32))}
GRID: Space = {"optimiser.weight_decay": Range(0.0, 1.0, points=3), "batch_size": Choices((16, 32))}
EPOCHS = 4
BEST = 0.3  # weight decay


def search(trials: int | None, grid: bool = False, prune: bool = False, heartbeat_s: int = 1) -> Search:
    """A search for BEST."""
    base = TrainSettings(epochs=EPOCHS)
    return Search(base, GRID if grid else SPACE, "macro_f1", "music", grid, trials, prune, heartbeat_s)


def score_of(settings: TrainSettings) -> float:
    """What a trial comes to: 1 at BEST with batches of 32."""
    return 1.0 - (settings.optimiser.weight_decay - BEST) ** 2 - 0.1 * (settings.batch_size == 16)


class SumTrainer:
    """Learns `score_of` by quarters; keeps its epoch in the run folder, and goes on from there."""

    def __init__(self, at_epoch: Callable[[int], None] = lambda epoch: None) -> None:
        self.at_epoch = at_epoch
        self.resumed_from: list[int] = []

    def __call__(self, settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
        """Train."""
        state = RunFolder(run).state
        done = int(state.read_text()) if resume else 0
        if resume:
            self.resumed_from.append(done)
        assert resume or not run.exists()
        state.parent.mkdir(parents=True, exist_ok=True)
        figures = {"macro_f1": score_of(settings)}
        for epoch in range(done + 1, EPOCHS + 1):
            self.at_epoch(epoch)
            state.write_text(str(epoch))
            so_far = {"macro_f1": score_of(settings) * epoch / EPOCHS}
            try:
                on_epoch(EpochFigures(epoch, 0.0, 0.0, 1.0, so_far, 1e-3, 1, 0.0, True))
            except StopTraining:
                return Outcome(epoch, 1.0, so_far, epoch, "stopped")
        return Outcome(EPOCHS, 1.0, figures, EPOCHS, "epochs")


def take_part(folder: Path, wanted: Search, trainer: SumTrainer) -> tuple[optuna.Study, list[FrozenTrial]]:
    """Run the study in `folder`; what was run here."""
    ended: list[FrozenTrial] = []
    study = tune(wanted, folder / "study.sqlite", folder / "runs", trainer, ended.append)
    return study, ended


def main() -> None:
    """The program."""
    folder, trials, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

    def hang(epoch: int) -> None:
        if mode == "hang" and epoch == 2:
            print("hanging", flush=True)  # noqa: T201 - the test waits for it
            threading.Event().wait()

    print("begun", flush=True)  # noqa: T201
    _, ended = take_part(folder, search(trials, grid=mode == "grid"), SumTrainer(hang))
    print(f"ended {len(ended)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

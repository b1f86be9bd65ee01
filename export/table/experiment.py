"""Networks on a table beside a support vector machine, over several seeds: each seed splits the rows anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from export.errors import ExportError
from export.evaluate.metrics import figures
from export.table.baseline import NAME, svm_answers
from export.table.row_splits import TEST, VALIDATION, RowSplits, split_rows
from export.table.table_training import TableLesson, scores_of, train_on_table
from export.table.vector_table import Ints, VectorTable
from export.train.run_folder import RunFolder, resumable
from export.train.settings import TrainSettings
from export.train.settings_file import checked, merged

NETWORKS: Final = ("vector-rnn", "vector-dense", "vector-cnn")
# As the networks were trained first, but for what stops them (validation, not the test), the size of a batch, and the
# dropout, .3 then: validation loss, over ten seeds, is lower with .5.
SETTINGS: Final[Mapping[str, Any]] = {
    "network_options": {"dropout": 0.5},
    "epochs": 200,
    "batch_size": 64,
    "device": "cpu",
    "threads": 1,
    "optimiser": {"kind": "adam", "learning_rate": 5e-4, "weight_decay": 1e-5},
    "schedule": {"kind": "constant"},
    "loss": {"kind": "ce"},
    "early_stop": {"watch": "loss", "patience": 10},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried. test, validation: shares as `split_rows`."""

    networks: tuple[str, ...] = NETWORKS
    baseline: bool = True
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    test: float = TEST
    validation: float = VALIDATION

    @property
    def models(self) -> tuple[str, ...]:
        """Everything that is tried, by name."""
        return (*self.networks, *((NAME,) if self.baseline else ()))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One model and seed, judged on the test rows. epochs: the best one of how many; None where there are none.

    confusion: int64 (n_labels, n_labels), rows what is true.
    """

    model: str
    seed: int
    figures: Mapping[str, float]
    confusion: npt.NDArray[np.int64]
    epochs: tuple[int, int] | None = None


def run_experiment(table: VectorTable, settings: TrainSettings, plan: Plan, runs: Path) -> Iterator[Trial]:
    """Every model with every seed, as they are done; each network's run in a folder of `runs`, and gone on with there.

    settings: of all networks; network and seed are put in. Raises as `train_on_table`.
    """
    for seed in plan.seeds:
        splits = split_rows(table, seed, plan.test, plan.validation)
        lesson = TableLesson(table, splits, settings.table.raw_mels)
        for model in plan.models:
            yield _svm(lesson, seed) if model == NAME else _network(lesson, settings, model, seed, runs)


def repeats_in_test(table: VectorTable, splits: RowSplits) -> int:
    """Test rows whose numbers a row of training or validation has, too."""
    names = np.array(table.row_hashes)
    return int(np.isin(names[splits.test], names[np.concatenate([splits.train, splits.validation])]).sum())


def settings_of(table: Mapping[str, Any]) -> TrainSettings:
    """SETTINGS with those of `table` over them. SettingsUnusable."""
    return checked(merged(SETTINGS, table), "--set")


def _svm(lesson: TableLesson, seed: int) -> Trial:
    answers = svm_answers(lesson)
    return _judged(lesson, NAME, seed, np.eye(len(lesson.table.label_names), dtype=np.float32)[answers])


def _network(lesson: TableLesson, settings: TrainSettings, network: str, seed: int, runs: Path) -> Trial:
    mels = "-raw-mels" if lesson.raw_mels else ""
    run = runs / f"{network}{mels}-seed-{seed}"
    resume = resumable(RunFolder(run))
    wanted = settings.model_copy(update={"network": network, "seed": seed})
    try:
        outcome = train_on_table(lesson, wanted, run, resume=resume, shown=False)
    except ExportError as error:
        raise type(error)(f"{network}, seed {seed}: {error}") from None
    trial = _judged(lesson, network, seed, scores_of(run, lesson, lesson.splits.test))
    return replace(trial, epochs=(outcome.best_epoch, outcome.epochs))


def _judged(lesson: TableLesson, model: str, seed: int, scores: npt.NDArray[np.float32]) -> Trial:
    labels: Ints = lesson.table.labels[lesson.splits.test]
    n_labels = len(lesson.table.label_names)
    confusion = np.zeros((n_labels, n_labels), np.int64)
    np.add.at(confusion, (labels, scores.argmax(axis=1)), 1)
    return Trial(model, seed, figures(np.eye(n_labels, dtype=np.float32)[labels], scores, False), confusion)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample deviation; 0 of one value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

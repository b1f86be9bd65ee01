"""Networks on a table beside a support vector machine, over several seeds: each seed splits the rows anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from export.errors import ExportError
from export.evaluate.metrics import figures
from export.table.baseline import NAME as BASELINE
from export.table.baseline import svm_answers
from export.table.columns import AS_PUBLISHED, VECTOR_NETWORKS
from export.table.row_splits import TEST, VALIDATION, split_rows
from export.table.table_training import TableLesson, scores_of, train_on_table
from export.table.vector_table import Ints, VectorTable
from export.train.run_folder import RunFolder, resumable
from export.train.settings import TrainSettings
from export.train.settings_file import checked, merged

# As the networks were published, but for the dropout, .3 then: validation loss, over ten seeds, is lower with .5.
SETTINGS: Final[Mapping[str, Any]] = merged(
    AS_PUBLISHED,
    {
        "network_options": {"dropout": 0.5},
        "epochs": 200,
        "device": "cpu",
        "threads": 1,
        "optimiser": {"learning_rate": 5e-4},
    },
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried. test, validation: shares as `split_rows`."""

    networks: tuple[str, ...] = VECTOR_NETWORKS
    baseline: bool = True
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    test: float = TEST
    validation: float = VALIDATION

    @property
    def models(self) -> tuple[str, ...]:
        """Everything that is tried, by name."""
        return (*self.networks, *((BASELINE,) if self.baseline else ()))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One model and seed, judged on the test rows. best_epoch, n_epochs: which is kept of how many; None without.

    confusion: int64 (n_labels, n_labels), rows what is true.
    """

    model: str
    seed: int
    figures: Mapping[str, float]
    confusion: npt.NDArray[np.int64]
    best_epoch: int | None = None
    n_epochs: int | None = None


def lessons_of(table: VectorTable, plan: Plan, raw_mels: bool) -> tuple[TableLesson, ...]:
    """The table split by each seed of the plan. InputUnusable."""
    splits = (split_rows(table, seed, plan.test, plan.validation) for seed in plan.seeds)
    return tuple(TableLesson(table, each, raw_mels) for each in splits)


def run_experiment(lessons: Sequence[TableLesson], settings: TrainSettings, plan: Plan, runs: Path) -> Iterator[Trial]:
    """Every model with every seed, as they are done; each network's run in a folder of `runs`, and gone on with there.

    lessons: of the plan's seeds. settings: of all networks; network and seed are put in. Raises as `train_on_table`.
    """
    for seed, lesson in zip(plan.seeds, lessons, strict=True):
        for model in plan.models:
            yield _svm(lesson, seed) if model == BASELINE else _network(lesson, settings, model, seed, runs)


def repeats_in_test(lesson: TableLesson) -> int:
    """Test rows whose numbers a row of training or validation has, too."""
    names, splits = np.array(lesson.table.row_hashes), lesson.splits
    return int(np.isin(names[splits.test], names[np.concatenate([splits.train, splits.validation])]).sum())


def settings_of(table: Mapping[str, Any]) -> TrainSettings:
    """SETTINGS with those of `table` over them. SettingsUnusable."""
    return checked(merged(SETTINGS, table), "--set")


def _svm(lesson: TableLesson, seed: int) -> Trial:
    answers = svm_answers(lesson)
    return _judged(lesson, BASELINE, seed, np.eye(len(lesson.table.label_names), dtype=np.float32)[answers])


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
    return replace(trial, best_epoch=outcome.best_epoch, n_epochs=outcome.epochs)


def _judged(lesson: TableLesson, model: str, seed: int, scores: npt.NDArray[np.float32]) -> Trial:
    labels: Ints = lesson.table.labels[lesson.splits.test]
    n_labels = len(lesson.table.label_names)
    confusion = np.zeros((n_labels, n_labels), np.int64)
    np.add.at(confusion, (labels, scores.argmax(axis=1)), 1)
    return Trial(model, seed, figures(np.eye(n_labels, dtype=np.float32)[labels], scores, False), confusion)

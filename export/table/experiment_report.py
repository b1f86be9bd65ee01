"""An experiment on a table: for a terminal, for programs, and per label."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.markup import escape
from rich.table import Table

from export.evaluate.metrics import LabelCounts
from export.table.experiment import Plan, Trial, repeats_in_test
from export.table.spread import spread
from export.table.table_training import TableLesson
from export.table.vector_table import VectorTable
from export.train.settings import TrainSettings

FIGURES: Final = ("accuracy", "macro_f1")


def experiment_table(trials: Sequence[Trial], plan: Plan) -> Table:
    """A line a model: accuracy of each seed, mean and spread, macro F1, and when training was best."""
    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    heads = [f"seed {seed}" for seed in plan.seeds]
    for head in (*heads, "accuracy", "macro F1", "best epoch"):
        table.add_column(head, justify="right", no_wrap=True)
    for model in plan.models:
        own = [trial for trial in trials if trial.model == model]
        seeds = {trial.seed: f"{trial.figures['accuracy']:.3f}" for trial in own}
        epochs = [trial.best_epoch for trial in own if trial.best_epoch is not None]
        table.add_row(
            escape(model),
            *(seeds.get(seed, "-") for seed in plan.seeds),
            *(_mean(own, name) for name in FIGURES),
            f"{np.mean(epochs):.0f}" if epochs else "-",
        )
    return table


def experiment_fields(
    lessons: Sequence[TableLesson], settings: TrainSettings, plan: Plan, trials: Sequence[Trial]
) -> dict[str, Any]:
    """All of it, for JSON."""
    table, splits = lessons[0].table, lessons[0].splits
    return {
        "table": {
            "file": table.path.name,
            "rows": len(table.labels),
            "columns": len(table.columns),
            "labels": list(table.label_names),
            "repeated_rows": table.repeated,
        },
        "protocol": {
            **asdict(plan),
            "rows": {name: len(getattr(splits, name)) for name in ("train", "validation", "test")},
            "test_rows_known_from_training": [repeats_in_test(each) for each in lessons],
            "settings": settings.model_dump(mode="json"),
        },
        "models": {model: _model(table, [t for t in trials if t.model == model]) for model in plan.models},
    }


def summed_confusion(trials: Sequence[Trial]) -> npt.NDArray[np.int64]:
    """(n_labels, n_labels), of all seeds."""
    total: npt.NDArray[np.int64] = np.array([trial.confusion for trial in trials], np.int64).sum(axis=0)
    return total


def _model(table: VectorTable, trials: Sequence[Trial]) -> dict[str, Any]:
    means = {name: dict(zip(("mean", "deviation"), _spread(trials, name), strict=True)) for name in FIGURES}
    confusion = summed_confusion(trials)
    seeds = [
        {"seed": t.seed, "figures": dict(t.figures), "best_epoch": t.best_epoch, "n_epochs": t.n_epochs} for t in trials
    ]
    return {**means, "seeds": seeds, "labels": _labels(table.label_names, confusion), "confusion": confusion.tolist()}


def _labels(names: Sequence[str], confusion: npt.NDArray[np.int64]) -> Mapping[str, Mapping[str, float]]:
    """Precision, recall and F1 of each label, over the test rows of all seeds."""
    counts = LabelCounts(confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion))
    return {
        name: {
            "precision": round(float(counts.precision[place]), 4),
            "recall": round(float(counts.recall[place]), 4),
            "f1": round(float(counts.f1[place]), 4),
            "rows": int(counts.support[place]),
        }
        for place, name in enumerate(names)
    }


def _mean(trials: Sequence[Trial], name: str) -> str:
    if not trials:
        return "-"
    mean, deviation = _spread(trials, name)
    return f"{100 * mean:.1f} ± {100 * deviation:.1f} %"


def _spread(trials: Sequence[Trial], name: str) -> tuple[float, float]:
    return spread([trial.figures[name] for trial in trials])

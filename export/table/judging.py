"""What a run on a table is worth: its best network on the table's test rows."""

from collections.abc import Mapping
from pathlib import Path

from export.errors import InputUnusable
from export.evaluate.metrics import figures
from export.table.row_material import as_music_set
from export.table.table_training import TableLesson, open_lesson, scores_of
from export.train.run_folder import RunFolder, begun_with, learnt_fingerprint


def judged_run(run: Path, path: Path) -> Mapping[str, float]:
    """The figures of a run on the test rows of the table that it learnt from, split as it was then. InputUnusable."""
    settings = begun_with(RunFolder(run))
    if settings is None:
        raise InputUnusable(f"{run} is no run folder; a table judges the runs that learnt from it, by its test rows")
    lesson = open_lesson(path, settings)
    if as_music_set(lesson.table, lesson.splits).fingerprint != learnt_fingerprint(RunFolder(run)):
        raise InputUnusable(
            f"{run} learnt from something else than {path}, or from other rows of it, so that test rows may be known "
            "to it; train again on this table"
        )
    return on_test_rows(run, lesson)


def on_test_rows(run: Path, lesson: TableLesson) -> Mapping[str, float]:
    """The figures of a run's best network on the lesson's test rows. InputUnusable."""
    places = lesson.splits.test
    truth = lesson.table.labels[places][:, None] == range(len(lesson.table.label_names))
    return figures(truth, scores_of(run, lesson, places), False)


def in_words(found: Mapping[str, float]) -> str:
    """A line for a terminal."""
    shown = ", ".join(f"{name} {found[name]:.4f}" for name in ("accuracy", "macro_f1"))
    return f"on {found['rows']:.0f} test rows: {shown}"

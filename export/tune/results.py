"""What a study found: a table for people and for spreadsheets, and the best settings."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.markup import escape
from rich.table import Table

from export.tune.claims import ERROR, REPEATS, RUN, repeated

_STATES = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class TrialRow:
    """A trial. value: of its best epoch; of a pruned one its last. state: done, pruned, failed, killed, running, …"""

    number: int
    state: str
    value: float | None
    values: dict[str, Any]
    epochs: int | None
    best_epoch: int | None
    seconds: float | None
    run: str
    error: str


def trial_rows(study: optuna.Study) -> list[TrialRow]:
    """Best first; then the pruned ones, then the rest."""
    trials = study.get_trials(deepcopy=False)
    replaced = repeated(trials)
    sign = 1.0 if study.direction == optuna.study.StudyDirection.MINIMIZE else -1.0
    order = list(_STATES)

    def rank(trial: FrozenTrial) -> tuple[int, float, int]:
        return order.index(trial.state), 0.0 if trial.value is None else sign * trial.value, trial.number

    return [_row(trial, trial.number in replaced) for trial in sorted(trials, key=rank)]


def _row(trial: FrozenTrial, is_repeated: bool) -> TrialRow:
    told = trial.user_attrs
    state = _STATES[trial.state]
    if trial.state == TrialState.FAIL and ERROR not in told:
        state = "killed, repeated" if is_repeated else "killed"
    elif REPEATS in told:
        state += f" (repeats {told[REPEATS]})"
    return TrialRow(
        trial.number,
        state,
        trial.value,
        dict(sorted(trial.params.items())),
        told.get("epochs"),
        told.get("best_epoch"),
        told.get("seconds"),
        str(told.get(RUN, "")),
        str(told.get(ERROR, "")),
    )


def ending(trial: FrozenTrial) -> str:
    """A line on a trial that has ended."""
    value = "" if trial.value is None else f" {trial.value:.4f}"
    error = f": {trial.user_attrs[ERROR]}" if ERROR in trial.user_attrs else ""
    return f"trial {trial.number} {_STATES[trial.state]}{value}{error}"


def csv_text(rows: Sequence[TrialRow], metric: str) -> str:
    """All trials, a column a setting."""
    names = sorted({name for row in rows for name in row.values})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", metric, *names, "epochs", "best_epoch", "seconds", "run", "error"])
    for row in rows:
        values = [row.values.get(name) for name in names]
        told = [row.epochs, row.best_epoch, row.seconds, row.run, row.error]
        writer.writerow([row.number, row.state, row.value, *values, *told])
    return text.getvalue()


def rich_table(rows: Sequence[TrialRow], metric: str) -> Table:
    """The best of them, for a terminal."""
    names = sorted({name for row in rows for name in row.values})
    title = None if len(rows) <= _SHOWN else f"the best {_SHOWN} of {len(rows)}"
    table = Table(title=title, box=None, pad_edge=False)
    for heading in ("trial", metric, *(name.rpartition(".")[2].replace("_", " ") for name in names), "epochs", "state"):
        table.add_column(heading)
    for row in rows[:_SHOWN]:
        cells = [_shown(row.values.get(name)) for name in names]
        state = row.state if not row.error else f"{row.state}: {row.error}"
        table.add_row(str(row.number), _shown(row.value), *map(escape, cells), _shown(row.epochs), escape(state))
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Pictures of a study: how it got better, which settings mattered, how each trial learnt."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import optuna
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import TrialState

from export.table.table_pictures import pca_picture
from export.table.table_training import TableLesson
from export.tune.comparison import compared, draw_comparison
from export.tune.named_spaces import SEED
from export.tune.results import TrialRow
from export.tune.setting_plots import draw_losses, scatter_figure
from models.whole_file import whole_file

_FEWEST: Final = 4  # complete trials that say anything about importance


def write_plots(
    study: optuna.Study, rows: Sequence[TrialRow], metric: str, folder: Path, table: TableLesson | None = None
) -> list[Path]:
    """history.png, epochs.png, losses.png, scatter.png and, with enough trials, importance.png; where several seeds
    were tried comparison.png, of a table pca.png. rows: of the study. What was written; OSError.
    """
    written = [
        _picture(folder / "history.png", lambda axes: _history(axes, study, metric)),
        _picture(folder / "epochs.png", lambda axes: _epochs(axes, study, metric)),
    ]
    losses = Figure(figsize=(10, 4), layout="constrained")
    draw_losses(losses.subplots(1, 2), rows, folder)
    written.append(_saved(folder / "losses.png", losses))
    scatter = scatter_figure(rows, metric)
    if scatter is not None:
        written.append(_saved(folder / "scatter.png", scatter))
    if any(SEED in row.values for row in rows):
        found = compared(rows, metric)
        written.append(_picture(folder / "comparison.png", lambda axes: draw_comparison(axes, found, metric)))
    if table is not None:
        written.append(_written(folder / "pca.png", pca_picture(table.table, table.raw_mels)))
    weights = importance(study)
    if weights:
        written.append(_picture(folder / "importance.png", lambda axes: _importance(axes, weights, metric)))
    return written


def importance(study: optuna.Study) -> Mapping[str, float]:
    """The share of the metric's variance that each setting explains (fANOVA, Hutter et al., ICML 2014), largest first.

    Empty with too few complete trials, or when all came out alike.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < _FEWEST or len({trial.value for trial in done}) < 2:
        return {}
    return optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0))


def _history(axes: Axes, study: optuna.Study, metric: str) -> None:
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    numbers, values = [trial.number for trial in done], [float(trial.value or 0.0) for trial in done]
    least = study.direction == optuna.study.StudyDirection.MINIMIZE
    best = np.minimum.accumulate(values) if least else np.maximum.accumulate(values)
    axes.step(numbers, best, where="post", color="tab:blue", label="best so far")
    axes.plot(numbers, values, "o", color="tab:blue", alpha=0.5, label="trials")
    cut = [(trial.number, trial.value) for trial in pruned if trial.value is not None]
    axes.plot([n for n, _ in cut], [value for _, value in cut], "x", color="tab:gray", label="pruned")
    axes.set(xlabel="trial", ylabel=metric, title="Trials")
    axes.legend()


def _epochs(axes: Axes, study: optuna.Study, metric: str) -> None:
    best = study.best_trial.number
    for trial in study.get_trials(deepcopy=False):
        steps = sorted(trial.intermediate_values.items())
        if not steps:
            continue
        is_best = trial.number == best
        axes.plot(
            [step for step, _ in steps],
            [value for _, value in steps],
            color="tab:red" if is_best else "tab:gray" if trial.state == TrialState.PRUNED else "tab:blue",
            linewidth=2.0 if is_best else 0.8,
            label=f"trial {best}, the best" if is_best else None,
        )
    axes.set(xlabel="epoch", ylabel=metric, title="Epochs of each trial (grey: pruned)")
    axes.legend()


def _importance(axes: Axes, weights: Mapping[str, float], metric: str) -> None:
    names = list(weights)[::-1]
    axes.barh(names, [weights[name] for name in names], color="tab:blue")
    axes.set(xlabel=f"share of the variance of {metric} (fANOVA)", title="What mattered")


def _picture(path: Path, draw: Callable[[Axes], None]) -> Path:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    draw(figure.subplots())
    return _saved(path, figure)


def _saved(path: Path, figure: Figure) -> Path:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    return _written(path, data.getvalue())


def _written(path: Path, picture: bytes) -> Path:
    with whole_file(path) as file:
        file.write(picture)
    return path

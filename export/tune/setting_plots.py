"""Pictures of what settings came to: a dot a trial over each setting's values, and each trial's losses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from export.evaluate.pictures import written
from export.train.run_folder import RunFolder, read_metrics
from export.tune.results import TrialRow

_COLUMNS: Final = 3
_MOST_VALUES: Final = 12  # that stand beside each other; more are numbers on a line
_BY_COLOUR: Final = "network"


def scatter_figure(rows: Sequence[TrialRow], metric: str) -> Figure | None:
    """A panel a setting that was given several values; None where none was. Colours tell networks apart."""
    done = [row for row in rows if row.state.startswith("done") and row.value is not None]
    names = sorted({name for row in done for name in row.values})
    varied = [name for name in names if len({row.values.get(name) for row in done}) > 1]
    if not varied:
        return None
    n_rows = -(-len(varied) // _COLUMNS)
    columns = min(_COLUMNS, len(varied))
    figure = Figure(figsize=(4.2 * columns, 3.4 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, columns, squeeze=False).ravel()
    for panel, name in zip(panels, varied, strict=False):
        _scatter(panel, name, done)
        panel.set(xlabel=name.replace("_", " "), ylabel=metric)
        panel.grid(alpha=0.3)
    for panel in panels[len(varied) :]:
        panel.set_visible(False)
    if _BY_COLOUR in varied:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _scatter(axes: Axes, name: str, rows: Sequence[TrialRow]) -> None:
    values = sorted({row.values[name] for row in rows if name in row.values}, key=_order)
    beside = len(values) <= _MOST_VALUES or isinstance(values[0], str)
    wobble = np.random.default_rng(0)
    for number, kind in enumerate(sorted({str(row.values.get(_BY_COLOUR, "")) for row in rows})):
        own = [row for row in rows if str(row.values.get(_BY_COLOUR, "")) == kind and name in row.values]
        places = [values.index(row.values[name]) if beside else row.values[name] for row in own]
        x = np.array(places, float) + (wobble.uniform(-0.15, 0.15, len(own)) if beside else 0.0)
        axes.plot(x, [row.value or 0.0 for row in own], "o", color=f"C{number}", markersize=4, alpha=0.6, label=kind)
    if beside:
        for place, value in enumerate(values):
            figures = [row.value for row in rows if row.values.get(name) == value and row.value is not None]
            axes.plot([place - 0.3, place + 0.3], [np.mean(figures)] * 2, color="black", linewidth=1.5)
        shown = [f"{value:g}" if isinstance(value, float) else written(str(value)) for value in values]
        axes.set_xticks(range(len(values)), shown, rotation=30 if max(map(len, shown)) > 6 else 0)
    elif values[0] > 0 and values[-1] / values[0] > 50:
        axes.set_xscale("log")


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def draw_losses(axes: Sequence[Axes], rows: Sequence[TrialRow], runs: Path) -> None:
    """Training and validation loss of each trial, on two axes; the best one's in red (`rows` has it first)."""
    for row in reversed(rows):
        epochs = read_metrics(RunFolder(runs / row.run)) if row.run else []
        best = row is rows[0]
        losses = [each.train_loss for each in epochs], [each.validation_loss for each in epochs]
        for panel, values in zip(axes, losses, strict=True):
            panel.plot(
                [each.epoch for each in epochs],
                values,
                color="tab:red" if best else "tab:blue",
                linewidth=2.0 if best else 0.7,
                alpha=1.0 if best else 0.5,
            )
    for panel, title in zip(axes, ("training", "validation"), strict=True):
        panel.set(xlabel="epoch", ylabel="loss", title=f"{title} (red: the best trial)", yscale="log")
        panel.grid(alpha=0.3)

"""Pictures of a run: loss and recall on positives over the epochs."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from export.train.outcome import EpochFigures
from models.whole_file import whole_file


def plot_curves(history: Sequence[EpochFigures], path: Path) -> None:
    """Write `path` (PNG): training and validation, the best epoch marked. What has no recall has the loss alone."""
    epochs = [epoch.epoch for epoch in history]
    best = [epoch.epoch for epoch in history if epoch.best][-1:]
    recalls = [epoch.figures.get("recall_positives") for epoch in history]
    wanted = {"loss": ([e.train_loss for e in history], [e.validation_loss for e in history])}
    if all(value is not None for value in recalls):
        wanted["recall on positives"] = ([e.train_recall for e in history], [value or 0.0 for value in recalls])
    figure = Figure(figsize=(5.2 * len(wanted), 3.6), layout="constrained")
    panels = figure.subplots(1, len(wanted), squeeze=False)[0]
    for panel, (name, (training, validation)) in zip(panels, wanted.items(), strict=True):
        panel.plot(epochs, training, label="training", color="tab:blue", marker=".")
        panel.plot(epochs, validation, label="validation", color="tab:orange", marker=".")
        for epoch in best:
            panel.axvline(epoch, color="grey", linewidth=0.8, linestyle=":", label=f"best: epoch {epoch}")
        panel.set(xlabel="epoch", title=name)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
        panel.legend(frameon=False)
    with whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]

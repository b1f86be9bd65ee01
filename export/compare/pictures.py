"""The pictures of a comparison, as SVG with nothing outside it; a model has the same colour and mark in all of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from export.compare.side_by_side import ModelLine, SideBySide
from export.evaluate.pictures import GREY, INK, plain, svg, written
from export.evaluate.wording import figure

_COLOURS = (
    "#2f6db3",
    "#d9822b",
    "#3b8f5a",
    "#b5455b",
    "#7a5ab5",
    "#8c6d46",
    "#c764a8",
    "#5b6676",
    "#9a9a2f",
    "#2f9db3",
)
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_WRITTEN_CELLS = 12  # models up to which the cells of the heat map have room for numbers
_LONGEST_NAME = 34


def forest_picture(found: SideBySide) -> bytes:
    """Macro F1 of tracks with its interval, the best on top; the line is that of the model all are held against."""
    places = sorted(range(len(found.models)), key=lambda place: _macro_f1(found.models[place]))
    drawing = Figure(figsize=(7.2, 0.9 + 0.36 * len(places)))
    axes = drawing.subplots()
    reference = next(line for line in found.models if line.name == found.against)
    axes.axvline(_macro_f1(reference), color=GREY, linewidth=1, linestyle=":")
    for height, place in enumerate(places):
        line = found.models[place]
        colour, mark = _looks(place)
        interval = line.tracks.intervals["macro_f1"]
        axes.plot([interval.low, interval.high], [height, height], color=colour, linewidth=2)
        axes.plot([_macro_f1(line)], [height], mark, color=colour)
    axes.set_yticks(range(len(places)), [_short(found.models[place].name) for place in places])
    axes.set_ylim(-0.6, len(places) - 0.4)
    axes.set_xlabel("macro F1 of tracks, with its 95 % interval")
    plain(axes, grid="x")
    return svg(drawing)


def speed_picture(models: Sequence[ModelLine]) -> bytes:
    """Accuracy of tracks over what a window costs, features and network; hollow: timed in PyTorch."""
    drawing = Figure(figsize=(7.2, 4.2))
    axes = drawing.subplots()
    for place, line in enumerate(models):
        colour, mark = _looks(place)
        interval = line.tracks.intervals["accuracy"]
        cost_ms, accuracy = line.speed.both_ms, line.tracks.values["accuracy"]
        axes.plot([cost_ms, cost_ms], [interval.low, interval.high], color=colour, linewidth=1.2, alpha=0.6)
        inside = colour if line.speed.runtime == "ONNX Runtime" else "white"
        axes.plot([cost_ms], [accuracy], mark, color=colour, mfc=inside, ms=7, label=_short(line.name), linestyle="")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("ms a window on one thread, features and network (hollow: in PyTorch)")
    axes.set_ylabel("accuracy of tracks")
    _thin_out(axes)
    _legend(axes)
    plain(axes, grid="both")
    return svg(drawing)


def curves_picture(models: Sequence[ModelLine]) -> bytes | None:
    """Macro F1 of the validation windows over the epochs of each run, its best epoch marked; None without any run."""
    if not any(line.curve for line in models):
        return None
    drawing = Figure(figsize=(7.2, 4.2))
    axes = drawing.subplots()
    for place, line in enumerate(models):
        if not line.curve:
            continue
        colour, mark = _looks(place)
        axes.plot(
            [point.epoch for point in line.curve],
            [point.macro_f1 for point in line.curve],
            color=colour,
            label=_short(line.name),
        )
        for point in [each for each in line.curve if each.best][-1:]:
            axes.plot([point.epoch], [point.macro_f1], mark, color=colour)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("macro F1 of validation windows")
    _legend(axes)
    plain(axes, grid="both")
    return svg(drawing)


def labels_picture(models: Sequence[ModelLine]) -> bytes:
    """F1 of tracks of every model (columns) and label (rows, the hardest at the bottom); labels without tracks not."""
    names = [label.name for label in models[0].labels if label.support]
    f1 = np.array([[label.f1 for label in line.labels if label.support] for line in models]).T
    order = np.argsort(-f1.mean(axis=1), kind="stable")
    f1, names = f1[order], [names[place] for place in order]
    drawing = Figure(figsize=(2.2 + 0.62 * len(models), 1.6 + 0.3 * len(names)))
    axes = drawing.subplots()
    axes.imshow(f1, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(models)), [_short(line.name) for line in models], rotation=40, ha="left", fontsize=9)
    axes.set_yticks(range(len(names)), [written(name) for name in names], fontsize=9)
    axes.xaxis.tick_top()
    if len(models) <= _WRITTEN_CELLS:
        for (row, column), value in np.ndenumerate(f1):
            colour = "white" if value > 0.55 else INK
            axes.text(column, row, figure(value, 2), ha="center", va="center", color=colour, fontsize=8)
    axes.tick_params(length=0, colors=INK)
    for side in axes.spines.values():
        side.set_visible(False)
    return svg(drawing)


def _macro_f1(line: ModelLine) -> float:
    return line.tracks.values["macro_f1"]


def _looks(place: int) -> tuple[str, str]:
    """Colour and mark of the model in this place."""
    return _COLOURS[place % len(_COLOURS)], _MARKS[place % len(_MARKS)]


def _short(name: str) -> str:
    return written(name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…")


def _thin_out(axes: Axes) -> None:
    """Numbers at 1, 2 and 5 where all lie within less than two powers of ten; else at the powers."""
    low, high = axes.get_xlim()
    if high / low < 100:
        ticks = [step * 10.0**power for power in range(-4, 6) for step in (1, 2, 5)]
        axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.xaxis.set_minor_locator(NullLocator())


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=9)

"""The pictures of a report, as SVG with nothing outside it. No state of matplotlib's is used or left behind."""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from export.evaluate.bootstrap import Difference
from export.evaluate.calibration import Bin
from export.evaluate.evaluation import Calibration, LabelLine
from export.evaluate.wording import FIGURES, figure

INK, FAINT, GREY, BLUE, ORANGE = "#1f2733", "#d7dce3", "#8a94a3", "#2f6db3", "#d9822b"
_WRITTEN_LABELS = 16  # up to here the cells of a matrix have room for numbers


def svg(drawing: Figure) -> bytes:
    """The picture's file; the same bytes every time."""
    target = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "genred", "svg.fonttype": "path"}):
        drawing.savefig(target, format="svg", metadata={"Date": None}, transparent=True, bbox_inches="tight")
    return target.getvalue()


def labels_picture(lines: Sequence[LabelLine]) -> bytes:
    """F1 of each label with its interval, the best on top."""
    shown = sorted((line for line in lines if line.support), key=lambda line: line.f1)
    drawing = Figure(figsize=(7.2, 0.7 + 0.27 * len(shown)))
    axes = drawing.subplots()
    places = np.arange(len(shown))
    axes.barh(places, [line.f1 for line in shown], color=BLUE, height=0.62)
    for place, line in zip(places, shown, strict=True):
        if line.f1_interval is not None:
            axes.plot([line.f1_interval.low, line.f1_interval.high], [place, place], color=INK, linewidth=1.3)
    axes.set_yticks(places, [written(line.name) for line in shown])
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("F1 of tracks, with its 95 % interval")
    plain(axes, grid="x")
    return svg(drawing)


def confusion_picture(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """Rows what is true, columns what scored highest; shade: share of the row."""
    counts = np.array(matrix)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(labels)
    size = 1.6 + n * (0.52 if n <= _WRITTEN_LABELS else 0.2)
    drawing = Figure(figsize=(size, size))
    axes = drawing.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    small = 9 if n <= _WRITTEN_LABELS else 6
    names = [written(name) for name in labels]
    axes.set_xticks(range(n), names, rotation=90 if n > 6 else 30, ha="center" if n > 6 else "left", fontsize=small)
    axes.set_yticks(range(n), names, fontsize=small)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("heard as")
    axes.set_ylabel("is")
    if n <= _WRITTEN_LABELS:
        _write_counts(axes, counts, share)
    axes.tick_params(length=0, colors=INK)
    for side in axes.spines.values():
        side.set_visible(False)
    return svg(drawing)


def reliability_picture(calibration: Calibration) -> bytes:
    """Share that is right over what was claimed, before and after the temperature; below, how often it was claimed."""
    drawing = Figure(figsize=(5.2, 5.4))
    axes, below = drawing.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1.5, zorder=0)
    _reliability(axes, calibration.bins, BLUE, f"as it is (error {figure(calibration.ece)})")
    if calibration.temperature is not None:
        said = f"with temperature {calibration.temperature:.2f} (error {figure(calibration.tempered_ece)})"
        _reliability(axes, calibration.tempered_bins, ORANGE, said)
    axes.set_ylabel("share that is right")
    axes.set_ylim(0, 1.02)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=9)
    counts = [each.count for each in calibration.bins]
    below.bar([each.confidence for each in calibration.bins], counts, width=0.045, color=BLUE)
    below.set_xlim(0, 1)
    below.set_xlabel("score")
    below.set_ylabel("windows" if not calibration.every_score else "scores")
    plain(axes, grid="both")
    plain(below, grid="y")
    return svg(drawing)


def differences_picture(differences: Sequence[tuple[str, Difference]]) -> bytes:
    """Differences of figures with their intervals, around zero; key and difference each, from the top."""
    drawing = Figure(figsize=(7.2, 0.8 + 0.3 * len(differences)))
    axes = drawing.subplots()
    places = np.arange(len(differences))[::-1]
    axes.axvline(0, color=INK, linewidth=1)
    for place, (key, found) in zip(places, differences, strict=True):
        colour = _verdict(found, FIGURES[key][1])
        axes.plot([found.interval.low, found.interval.high], [place, place], color=colour, linewidth=2)
        axes.plot([found.value], [place], "o", color=colour)
    axes.set_yticks(places, [FIGURES[key][0] for key, _ in differences])
    axes.set_ylim(-0.6, len(differences) - 0.4)
    axes.set_xlabel("other model minus this one (blue: better, orange: worse, grey: either)")
    plain(axes, grid="x")
    return svg(drawing)


def written(name: str) -> str:
    """A label as it is: between two dollars matplotlib would read a formula, and fail where there is none."""
    return name.replace("$", r"\$")


def plain(axes: Axes, grid: str) -> None:
    """Lines of a grid ("x", "y" or "both"), and none around."""
    axes.grid(axis=grid, color=FAINT, linewidth=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)


def _verdict(found: Difference, more_is_better: bool) -> str:
    """The colour of a difference; grey where its interval holds 0."""
    if found.interval.low <= 0 <= found.interval.high:
        return GREY
    return BLUE if (found.value > 0) == more_is_better else ORANGE


def _write_counts(axes: Axes, counts: npt.NDArray[np.int64], share: npt.NDArray[np.float64]) -> None:
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if share[row, column] > 0.55 else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)


def _reliability(axes: Axes, filled: Sequence[Bin], colour: str, said: str) -> None:
    axes.plot(
        [each.confidence for each in filled], [each.right for each in filled], "o-", color=colour, label=said, ms=4
    )

"""A taggram: the tags of each stream over time, as a picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from daemon.errors import InputUnusable
from daemon.messages import Result, WindowTags
from daemon.roster import Roster

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TAGS_DRAWN = 12
PANELS_DRAWN = 8
FORMATS = (".png", ".svg", ".pdf", ".jpg")

Panel = tuple[str, str]  # stream, name of the model


class TaggramSink:
    """Keeps the scores of the first streams and draws them into `path` when closed: a panel a stream and model.

    There are up to eight panels, or as many as there are models.

    InputUnusable when the picture cannot be made, before any audio is read.
    """

    def __init__(self, path: Path, roster: Roster) -> None:
        if path.suffix.lower() not in FORMATS:
            raise InputUnusable(f"--plot {path}: use a name that ends in {', '.join(FORMATS)}")
        if not path.absolute().parent.is_dir():
            raise InputUnusable(f"--plot {path}: there is no folder {path.absolute().parent}")
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            raise InputUnusable("--plot needs matplotlib; pip install 'genred[plot]'") from None
        self._path = path
        self._labels = {voice.model.name: voice.labels for voice in roster.voices}
        self._windows: dict[Panel, list[WindowTags]] = {}

    async def write(self, results: Sequence[Result]) -> None:
        """Remember the windows of the first streams."""
        for result in results:
            if not isinstance(result, WindowTags):
                continue
            known = (result.stream, result.model.name) in self._windows
            if known or not self._windows or len(self._windows) + len(self._labels) <= PANELS_DRAWN:
                for said in result.apart():
                    self._windows.setdefault((said.stream, said.model.name), []).append(said)

    async def close(self) -> None:
        """Draw; the picture appears whole or not at all."""
        if self._windows:
            draw_taggram(self._path, self._windows, self._labels)


def draw_taggram(
    path: Path, windows: Mapping[Panel, Sequence[WindowTags]], labels: Mapping[str, Sequence[str]]
) -> None:
    """One panel a stream and model: the strongest tags from top to bottom, time from left to right.

    labels: those of each model.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.9 + 3.1 * len(windows)), layout="constrained")
    panels = figure.subplots(len(windows), 1, squeeze=False)[:, 0]
    for panel, ((stream, model), tagged) in zip(panels, windows.items(), strict=True):
        image = _draw_panel(panel, stream, tagged, labels[model])
    figure.colorbar(image, ax=list(panels), label="score", pad=0.01)
    temporary = path.with_name(f".{path.stem}.part{path.suffix}")
    figure.savefig(temporary, dpi=110)
    temporary.replace(path)


def _draw_panel(panel: Axes, stream: str, tagged: Sequence[WindowTags], labels: Sequence[str]) -> Any:
    scores = np.array([[window.scores.get(label, np.nan) for label in labels] for window in tagged])
    heard = np.nan_to_num(scores).mean(axis=0)
    strongest = np.argsort(-heard)[:TAGS_DRAWN]
    edges = _edges(tagged)
    image = panel.pcolormesh(
        edges, np.arange(len(strongest) + 1), _with_holes(tagged, scores[:, strongest]).T, vmin=0, vmax=1, cmap="magma"
    )
    panel.invert_yaxis()
    panel.set_yticks(np.arange(len(strongest)) + 0.5, [labels[place] for place in strongest])
    panel.set_facecolor("lightgrey")
    panel.set_title(f"{stream}  ({tagged[0].model.name}; grey: silent or missing)", loc="left", fontsize=10)
    panel.set_xlabel("seconds")
    return image


def _edges(tagged: Sequence[WindowTags]) -> npt.NDArray[np.float64]:
    """Cell borders: a window is drawn over its middle, one hop wide, so that neighbours do not overlap."""
    hop_s = min((b.start_s - a.start_s for a, b in itertools.pairwise(tagged)), default=tagged[0].end_s)
    edges = [edge for window in tagged for edge in _span(window, hop_s)]
    return np.unique(np.round(edges, 6))


def _span(window: WindowTags, hop_s: float) -> tuple[float, float]:
    middle_s = (window.start_s + window.end_s) / 2
    return middle_s - hop_s / 2, middle_s + hop_s / 2


def _with_holes(tagged: Sequence[WindowTags], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`scores` with a row of NaN wherever windows do not follow one another."""
    rows = [scores[0]]
    for before, after, row in zip(tagged, tagged[1:], scores[1:], strict=False):
        hop = after.window - before.window
        if hop > 1:
            rows.append(np.full(scores.shape[1], np.nan))
        rows.append(row)
    return np.stack(rows)

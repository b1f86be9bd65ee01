"""The picture of a soak: memory, and seconds behind, over time, with what was done."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.soak_found import Found

DPI = 110


def draw(found: Found, path: Path) -> None:
    """A PNG."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    memory, behind = figure.subplots(2, 1, sharex=True)
    minutes = [sample.at_s / 60 for sample in found.samples]
    memory.plot(minutes, [sample.rss_mb for sample in found.samples], color="C0", label="resident")
    memory.plot(minutes, [sample.uss_mb for sample in found.samples], color="C2", label="its own")
    memory.axvspan(0, found.warm_up_s / 60, color="0.9", zorder=0)
    memory.set_ylabel("MB")
    memory.set_ylim(0, None)
    memory.set_title(f"memory: {found.slope_mb:+.2f} MB a minute after the warm-up", fontsize=10)
    streams = found.books.fed.streams
    behind.plot(minutes, [sample.behind_s / streams for sample in found.samples], color="C0", label="not analysed")
    behind.plot(
        minutes,
        [max(0.0, sample.due_s - sample.acked_s) / streams for sample in found.samples],
        color="0.5",
        linewidth=1,
        label="not with the broker",
    )
    behind.set_ylabel("s behind, a stream")
    behind.set_xlabel("minutes")
    behind.set_title("captured audio that is not analysed yet", fontsize=10)
    for axes in (memory, behind):
        _mark(axes, found)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="upper left")
    figure.savefig(path, dpi=DPI)


def _mark(axes: Axes, found: Found) -> None:
    for start, stop in found.outages:
        axes.axvspan(start / 60, stop / 60, color="C3", alpha=0.25, linewidth=0)
    for at_s in found.swaps:
        axes.axvline(at_s / 60, color="C4", linestyle=":", linewidth=0.8)

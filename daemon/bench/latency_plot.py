"""The picture of `genred bench latency`: percentiles over the load."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from daemon.errors import InputUnusable

DPI = 110
COLOURS = {"p50": "C0", "p90": "C2", "p99": "C3", "max": "0.6"}


def check_matplotlib() -> None:
    """InputUnusable, before anything is measured, where no picture could be drawn."""
    if find_spec("matplotlib") is None:
        raise InputUnusable("--plot needs matplotlib; pip install 'genred[plot]'")


def draw_latency(report: Mapping[str, Any], path: Path) -> None:
    """One panel for each number of workers: percentiles of the latency over the load, and four bare times."""
    from matplotlib.figure import Figure

    counts = sorted({row["workers"] for row in report["rows"]})
    figure = Figure(figsize=(2.5 + 4 * len(counts), 4), layout="constrained")
    panels = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    for axes, count in zip(panels, counts, strict=True):
        rows = [row for row in report["rows"] if row["workers"] == count and row["latency_ms"]]
        loads = [100 * row["load"] for row in rows]
        for name, colour in COLOURS.items():
            axes.plot(loads, [row["latency_ms"][name] for row in rows], marker="o", color=colour, label=name)
        axes.plot(
            loads,
            [row["ideal_ms"]["p99"] for row in rows],
            color=COLOURS["p99"],
            linestyle="--",
            label="p99, ideal queue",
        )
        axes.plot(
            loads, [4 * row["bare_ms"]["window"] for row in rows], color="0.3", linestyle=":", label="4 x bare window"
        )
        axes.set_title(
            f"{count} worker{'s' if count > 1 else ''} on {count} core{'s' if count > 1 else ''}", fontsize=10
        )
        axes.set_xlabel("load, % of capacity")
        axes.set_xticks(loads)
        axes.grid(alpha=0.3)
        axes.set_ylim(0, None)
    panels[0].set_ylabel("ms from complete window to result")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=8, loc="outside right upper")
    figure.suptitle(f"{report['model']}, {report['precision']}: latency of live streams", fontsize=10)
    figure.savefig(path, dpi=DPI)

"""The picture of `genred bench scale`: what the size of a group does to latency and outages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.bench.scale_report import Report, Week
from daemon.errors import InputUnusable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_S = 0.1  # below it, and zero, lies on the lower edge
P99, P999 = 1, 2  # of the report's quantiles
DPI = 110


def draw_group_sizes(report: Report, path: Path) -> None:
    """Two panels over the size of a group: added latency and longest outage; one for each kind of membership."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputUnusable("--plot needs matplotlib; pip install 'genred[plot]'") from None
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, static, title in (
        (left, False, "dynamic membership"),
        (right, True, "static membership (instance_id)"),
    ):
        _panel(axes, [week for week in report.sweep if week.static == static])
        axes.axvline(report.largest_group, color="0.5", linestyle=":")
        axes.text(report.largest_group * 1.15, LEAST_S * 1.3, "never settles", rotation=90, color="0.4", fontsize=9)
        axes.set_xlim(8, report.largest_group * 2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("workers in a group")
    left.set_ylabel("seconds (the lowest line: 0.1 or less)")
    left.legend(fontsize=8, loc="upper left")
    streams = report.sweep[0].name
    figure.suptitle(
        f"{streams} in groups of any size: a week with failures, upgrade and the loss of a zone", fontsize=10
    )
    figure.savefig(path, dpi=DPI)


def _panel(axes: Axes, weeks: Sequence[Week]) -> None:
    """One kind of membership. Groups that never settle are left out: nothing of theirs is finite."""
    settled = [week for week in weeks if week.outcome.settled]
    sizes = [week.workers for week in settled]
    for label, values_s, marker in (
        ("longest outage of a stream", [week.outcome.longest_outage_s for week in settled], "s"),
        ("added latency, p99.9 of windows", [week.added_s[P999] for week in settled], "o"),
        ("added latency, p99", [week.added_s[P99] for week in settled], "^"),
    ):
        axes.plot(sizes, [max(LEAST_S, value_s) for value_s in values_s], marker=marker, markersize=4, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_S * 0.8, None)
    axes.grid(alpha=0.3)

"""`genred bench scale`: what many streams would need, on paper and by simulation; nothing is measured here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from daemon.bench.scale_measured import FORMATS, Assumed, Measured, format_named
from daemon.bench.scale_report import SIZES, report
from daemon.bench.scale_tables import (
    breaks_table,
    costs_table,
    limits_table,
    plain,
    plans_table,
    recovery_table,
    weeks_table,
)
from daemon.errors import InputUnusable


def run_bench_scale(
    streams: Sequence[int],
    audio: str,
    window_ms: float | None,
    zstd: bool,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Print the tables; `window_ms` stands for the measured milliseconds of a window on one core."""
    try:
        arriving = format_named(audio)
    except KeyError:
        raise InputUnusable(f"--format {audio}: one of {', '.join(one.name for one in FORMATS)}") from None
    measured = Measured() if window_ms is None else replace(Measured(), window_ms=window_ms)
    found = report(streams or SIZES, arriving, measured, Assumed(), zstd)
    for title, table in (
        ("One stream", costs_table(found)),
        ("Deployments", plans_table(found)),
        (f"A week, simulated ({arriving.said}); added latency", weeks_table(found.weeks)),
        ("The same workers in groups of any size", weeks_table(found.sweep)),
        (f"A group's limits; the largest that settles has {found.largest_group:,} members", limits_table(found)),
        ("Highest load, to recover in time", recovery_table()),
        ("What breaks first, in one group on three brokers", breaks_table(found)),
    ):
        typer.echo(f"{title}\n{plain(table)}\n")
    if json_path is not None:
        json_path.write_text(json.dumps(found.as_json(), indent=2) + "\n")
    if plot_path is not None:
        from daemon.bench.scale_plot import draw_group_sizes

        draw_group_sizes(found, plot_path)

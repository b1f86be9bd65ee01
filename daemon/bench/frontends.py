"""`genred bench frontends`: what a hop block of every named front end takes on one core, beside log-mel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from daemon.bench.benched import check_outputs, write_json
from daemon.bench.children import run_child
from daemon.bench.machine import describe


def run_bench_frontends(rounds: int, json_path: Path | None) -> None:
    """Measure, print a table, and write the figures to `json_path` when given."""
    check_outputs(json_path)
    measured = run_child("daemon.bench.frontends_alone", {"rounds": rounds}, cores=1)
    report = {"machine": describe(), **measured}
    typer.echo(report["machine"])
    typer.echo(
        "processor ms of a block of 2 s, the same in log-mels of its sizes; ms of a window once its blocks are there"
    )
    _print(report["rows"])
    write_json(report, json_path)


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    typer.echo(f"{'':14} {'kind':10} {'rate':>7} {'block':>8} {'log-mels':>8} {'window':>8} {'':>8}")
    for row in rows:
        ratio = "" if row["of_log_mel"] is None else f"{row['of_log_mel']:.2f}"
        typer.echo(
            f"{row['name']:14} {row['kind']:10} {row['sample_rate_hz']:>7} {row['block_ms']:>8.3f} {ratio:>8} "
            f"{row['window_ms']:>8.3f} {'of ' + format(row['window_s'], 'g') + ' s':>8}"
        )

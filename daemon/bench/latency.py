"""`genred bench latency`: from the end of a window to its result, live streams at parts of the capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from daemon.bench.benched import Benched, check_outputs, header, print_header, say, write_json
from daemon.bench.children import chosen_workers, run_child
from daemon.bench.live_run import LiveRun

LOADS = (0.25, 0.5, 0.75, 0.9)
GIVE_UP_LATE_S = 5.0
STREAMS_TO_FILL = 80  # more than wait in the engine's queue


def run_bench_latency(
    benched: Benched,
    workers: Sequence[int],
    loads: Sequence[float],
    seconds: float,
    chunk_s: float,
    most_streams: int,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Measure, print a table, write the figures and draw the picture where asked. `seconds`: of each load."""
    check_outputs(json_path, plot_path)
    if plot_path is not None:
        from daemon.bench.latency_plot import check_matplotlib

        check_matplotlib()
    chosen, rows = chosen_workers(list(workers)), []
    report = header(benched.load().card.name, benched.precision)
    for count in chosen:
        run = LiveRun(benched.flags(count), STREAMS_TO_FILL, min(seconds, 10.0), chunk_s, paced=False)
        say(f"capacity, {count} at work")
        full = measure_live(run, count)
        for load in sorted(loads or LOADS):
            streams = max(1, min(most_streams, round(load * full["windows_per_s"] * full["hop_s"])))
            say(f"{load:.0%} of it: {streams} streams, {count} at work")
            run = LiveRun(
                benched.flags(count), streams, seconds, chunk_s, paced=True,
                service_s=count / full["windows_per_s"], give_up_late_s=GIVE_UP_LATE_S,
            )  # fmt: skip
            rows.append(_row(count, load, full, measure_live(run, count)))
    report |= {"seconds": seconds, "chunk_s": chunk_s, "rows": rows}
    _print(report)
    write_json(report, json_path)
    if plot_path is not None:
        from daemon.bench.latency_plot import draw_latency

        draw_latency(report, plot_path)


def measure_live(run: LiveRun, cores: int) -> dict[str, Any]:
    """A run in a process of its own."""
    return run_child("daemon.bench.live_run", asdict(run), cores)


def _row(workers: int, load: float, full: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    bare, p99_ms = found["bare_ms"], found["latency_ms"].get("p99", float("inf"))
    return {
        "workers": workers,
        "load": load,
        "capacity_windows_per_s": round(full["windows_per_s"], 1),
        **{name: value for name, value in found.items() if name not in ("model", "hop_s")},
        "windows_per_s": round(found["windows_per_s"], 2),
        "bare_ms": {name: round(value, 2) for name, value in bare.items()},
        "p99_of_bare_window": round(p99_ms / bare["window"], 2),
        "p99_of_bare_hop": round(p99_ms / bare["hop"], 2),
        "peak_mb": round(found["peak_mb"]),
    }


def _print(report: Mapping[str, Any]) -> None:
    print_header(report)
    typer.echo(
        f"{report['seconds']:g} s a load, chunks of {report['chunk_s']:g} s; milliseconds from when the chunk that "
        "completes a window was due to its result; bare: one window through the network"
    )
    typer.echo(
        f"{'workers':>7} {'load':>5} {'streams':>7} {'windows':>7} {'p50':>7} {'p90':>7} {'p99':>7} {'max':>7} "
        f"{'ideal p99':>9} {'bare':>6} {'bare hop':>8} {'p99/bare':>8} {'p99/hop':>7} {'from end p50':>12} {'busy':>5} "
        f"{'loop':>5}"
    )
    for row in report["rows"]:
        latency, bare = row["latency_ms"], row["bare_ms"]
        if not latency:
            typer.echo(f"{row['workers']:>7} {row['load']:>5.0%} {row['streams']:>7}  no window was completed")
            continue
        typer.echo(
            f"{row['workers']:>7} {row['load']:>5.0%} {row['streams']:>7} {row['windows']:>7} "
            + " ".join(f"{latency[name]:>7.1f}" for name in ("p50", "p90", "p99", "max"))
            + f" {row['ideal_ms']['p99']:>9.1f} {bare['window']:>6.1f} {bare['hop']:>8.1f} "
            f"{row['p99_of_bare_window']:>8.2f} {row['p99_of_bare_hop']:>7.2f} {row['from_end_ms']['p50']:>12.1f} "
            f"{row['busy_share']:>5.0%} {row['loop_share']:>5.1%}"
            + ("  fell behind" if row["gave_up"] or row["missing"] else "")
        )

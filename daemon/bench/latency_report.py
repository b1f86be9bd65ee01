"""The figures of `genred bench latency`, and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import typer

from daemon.bench.benched import print_header
from daemon.bench.others import QUIET_SHARE, quiet

PARTS = ("latency_ms", "from_end_ms", "ideal_ms", "handed_in_late_ms", "bare_ms")
SHARES = ("busy_share", "loop_share", "others_share", "windows_per_s", "capacity_windows_per_s", "peak_mb")


def latency_row(workers: int, load: float, rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Medians of the quiet rounds, or of all if none was quiet; ratios are taken within a round."""
    used = quiet(rounds, lambda one: max(one["others_share"], one["capacity_others_share"]))
    whole = [one for one in used if one["latency_ms"]]
    return {
        "workers": workers,
        "load": load,
        "rounds": len(rounds),
        "rounds_used": len(used),
        "streams": round(median(one["streams"] for one in used)),
        "windows": sum(one["windows"] for one in used),
        "missing": sum(one["missing"] for one in used),
        "gave_up": any(one["gave_up"] for one in used),
        **{name: round(median(one[name] for one in used), 4) for name in SHARES},
        **{part: _medians([one[part] for one in whole]) for part in PARTS},
        "p99_of_bare_window": _ratio(whole, "window"),
        "p99_of_bare_hop": _ratio(whole, "hop"),
        "rounds_p99_ms": [one["latency_ms"].get("p99") for one in rounds],
        "rounds_others_share": [one["others_share"] for one in rounds],
    }


def _medians(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(median(part[name] for part in parts), 2) for name in parts[0]} if parts else {}


def _ratio(rounds: Sequence[Mapping[str, Any]], bare: str) -> float | None:
    ratios = [one["latency_ms"]["p99"] / one["bare_ms"][bare] for one in rounds]
    return round(median(ratios), 2) if ratios else None


def print_latency(report: Mapping[str, Any]) -> None:
    """A table."""
    print_header(report)
    typer.echo(
        f"{report['seconds']:g} s a load and round, chunks of {report['chunk_s']:g} s; milliseconds from when the "
        "chunk that completes a window was due to its result"
    )
    typer.echo(
        f"{'workers':>7} {'load':>5} {'streams':>7} {'windows':>7} {'p50':>7} {'p90':>7} {'p99':>7} {'max':>7} "
        f"{'ideal p99':>9} {'bare':>6} {'bare hop':>8} {'p99/bare':>8} {'p99/hop':>7} {'from end p50':>12} {'busy':>5} "
        f"{'loop':>5} {'others':>6} {'rounds':>6}"
    )
    for row in report["rows"]:
        latency, bare = row["latency_ms"], row["bare_ms"]
        start = f"{row['workers']:>7} {row['load']:>5.0%} {row['streams']:>7} {row['windows']:>7} "
        if not latency:
            typer.echo(f"{start} no window came")
            continue
        typer.echo(
            start
            + " ".join(f"{latency[name]:>7.1f}" for name in ("p50", "p90", "p99", "max"))
            + f" {row['ideal_ms']['p99']:>9.1f} {bare['window']:>6.1f} {bare['hop']:>8.1f} "
            f"{row['p99_of_bare_window']:>8.2f} {row['p99_of_bare_hop']:>7.2f} {row['from_end_ms']['p50']:>12.1f} "
            f"{row['busy_share']:>5.0%} {row['loop_share']:>5.1%} {row['others_share']:>6.1%} {_rounds(row):>6}"
            + ("  fell behind" if row["gave_up"] or row["missing"] else "")
        )
    typer.echo(
        "bare: one window through the network and nothing else, whole; bare hop: with what the window before handed "
        "on; ideal: first come, first served, nothing lost between; others: what other processes had of these cores, "
        f"rounds with more than {QUIET_SHARE:.0%} are left out where there are others"
    )


def _rounds(row: Mapping[str, Any]) -> str:
    return f"{row['rounds_used']} of {row['rounds']}"

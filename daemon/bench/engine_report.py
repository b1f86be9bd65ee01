"""The figures of `genred bench engine`, and their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import typer

from daemon.bench.benched import print_header
from daemon.bench.others import quiet
from daemon.bench.ready_windows import Arrival

SAID = {Arrival.LIVE: "live streams", Arrival.BEHIND: "one stream behind", Arrival.FIRST: "first windows"}


@dataclass(frozen=True, slots=True)
class Round:
    """One round's answers: limits by workers; cases by arrival and workers."""

    limits: dict[int, dict[str, Any]]
    cases: dict[tuple[Arrival, int], dict[str, Any]]


def engine_rows(rounds: Sequence[Round], operations: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """A row a case: medians of its quiet rounds, or of all if none was quiet; ratios are taken within a round."""
    return [_row(rounds, arrival, workers, operations) for arrival, workers in rounds[0].cases]


def _row(
    rounds: Sequence[Round], arrival: Arrival, workers: int, operations: Mapping[str, int | None]
) -> dict[str, Any]:
    fewest = min(count for kind, count in rounds[0].cases if kind is arrival)
    used = quiet(rounds, lambda one: max(one.cases[arrival, count]["others_share"] for count in (workers, fewest)))

    def middle(value: Callable[[Round], float]) -> float:
        return median(value(one) for one in used)

    def case(one: Round) -> dict[str, Any]:
        return one.cases[arrival, workers]

    def rate(one: Round) -> float:
        return float(case(one)["windows"] / case(one)["wall_s"])

    def stage(one: Round, name: str) -> float:
        return float(case(one)["stages_s"][name] / (workers * case(one)["wall_s"]))

    def of_limit(asked: int | None) -> float | None:
        if asked is None:
            return None
        return round(middle(lambda one: rate(one) * asked / (one.limits[workers]["gflop_per_s"] * 1e9)), 3)

    shares = {name: middle(lambda one, name=name: stage(one, name)) for name in case(rounds[0])["stages_s"]}  # type: ignore[misc]
    return {
        "arrival": arrival,
        "workers": workers,
        "rounds": len(rounds),
        "rounds_used": len(used),
        "windows_per_s": round(middle(rate), 2),
        "rounds_windows_per_s": [round(rate(one), 2) for one in rounds],
        "ms_per_window": round(middle(lambda one: 1000 * workers / rate(one)), 2),
        "cpu_ms_per_window": round(middle(lambda one: 1000 * case(one)["cpu_s"] / max(1, case(one)["windows"])), 2),
        "x_realtime_per_core": round(middle(lambda one: rate(one) * case(one)["hop_s"] / workers), 1),
        "speed_ratio": round(
            middle(
                lambda one: rate(one) * one.cases[arrival, fewest]["wall_s"] / one.cases[arrival, fewest]["windows"]
            ),
            3,
        ),
        "shares": {
            **{name: round(share, 3) for name, share in shares.items()},
            "rest": round(max(0.0, 1 - sum(shares.values())), 3),
        },
        "executed_of_limit": of_limit(operations["first_window" if arrival is Arrival.FIRST else "carried_window"]),
        "plain_of_limit": of_limit(operations["plain_window"]),
        "others_share": round(middle(lambda one: case(one)["others_share"]), 3),
        "peak_mb": round(max(case(one)["peak_mb"] for one in rounds)),
    }


def print_engine_report(report: Mapping[str, Any]) -> None:
    """A table: limits, cases, memory."""
    print_header(report)
    limits = ", ".join(f"{count} at work {peak:.0f} GFLOP/s" for count, peak in report["limits_gflop_per_s"].items())
    typer.echo(f"limit (sgemm, the best of numpy and onnxruntime): {limits}")
    operations = report["operations"]
    if operations["plain_window"] is not None:
        typer.echo(
            f"a window, GFLOP: {operations['carried_window'] / 1e9:.3f} with its carry, "
            f"{operations['first_window'] / 1e9:.3f} without, {operations['plain_window'] / 1e9:.3f} as published"
        )
    typer.echo(f"golden deviation {report['golden_deviation']:.1e}")
    typer.echo(
        f"{'':<18} {'workers':>7} {'windows/s':>9} {'ms/window':>9} {'CPU ms':>7} {'x rt/core':>9} {'ratio':>6} "
        f"{'of limit':>8} {'as plain':>8} {'others':>6} {'rounds':>6} {'peak MB':>7}  share of the workers' time"
    )
    for row in report["rows"]:
        typer.echo(
            f"{SAID[row['arrival']]:<18} {row['workers']:>7} {row['windows_per_s']:>9.1f} {row['ms_per_window']:>9.2f} "
            f"{row['cpu_ms_per_window']:>7.2f} {row['x_realtime_per_core']:>9.1f} {row['speed_ratio']:>6.2f} "
            f"{_percent(row['executed_of_limit']):>8} {_percent(row['plain_of_limit']):>8}"
            f" {row['others_share']:>6.1%} {row['rounds_used']} of {row['rounds']} {row['peak_mb']:>7}  "
            + ", ".join(f"{stage} {share:.1%}" for stage, share in row["shares"].items())
        )
    if "memory" in report:
        memory = report["memory"]
        typer.echo(
            f"memory of {memory['streams']} live streams (16 kHz mono, 0.1 s chunks): {memory['peak_mb']} MB in all; "
            f"{memory['one_stream_mb']} MB with one, {memory['kb_a_stream']} kB a stream"
        )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"

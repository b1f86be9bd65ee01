"""The figures of `genred bench peers`, as JSON and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

from daemon.bench.machine import describe
from daemon.bench.peers_installed import MODEL, Contender, Missing
from daemon.bench.peers_scores import Scores, largest_difference
from daemon.bench.process import Took

SHARED = 1.2  # times its processor time a run takes by the clock, from where on it did not have the core to itself


@dataclass(frozen=True, slots=True)
class Measured:
    """A contender's rounds on the whole audio, and its run on a few seconds of it."""

    contender: Contender
    start: Took
    runs: list[Took]
    scores: Scores  # of the last round


def peers_report(measured: Sequence[Measured], missing: Sequence[Missing], audio_s: float) -> dict[str, Any]:
    """Everything that is printed, and each round's figures. The first of `measured` is genred."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{describe()}, one core",
        "model": MODEL,
        "audio_s": audio_s,
        "rounds": len(measured[0].runs),
        "rows": {one.contender.name: _row(measured[0], one, audio_s) for one in measured},
        "missing": {peer.name: peer.why for peer in missing},
    }


def _row(ours: Measured, theirs: Measured, audio_s: float) -> dict[str, Any]:
    """One contender's figures: medians of the rounds; ratios are the medians of the rounds' own."""
    wall_s = statistics.median(run.wall_s for run in theirs.runs)
    turns = list(zip(ours.runs, theirs.runs, strict=True))
    ratios = [their.wall_s / our.wall_s for our, their in turns]
    busy = [their.cpu_s / our.cpu_s for our, their in turns]
    steady = [_less(their, theirs.start) / _less(our, ours.start) for our, their in turns]
    compared = theirs is not ours and theirs.contender.same_work
    difference = largest_difference(ours.scores, theirs.scores) if compared else None
    return {
        "what": theirs.contender.what,
        "wall_s": round(wall_s, 2),
        "cpu_s": round(statistics.median(run.cpu_s for run in theirs.runs), 2),
        "start_cpu_s": round(theirs.start.cpu_s, 2),
        "x_realtime": round(audio_s / wall_s, 1),
        "windows": theirs.scores.windows,
        "windows_per_s": round(theirs.scores.windows / wall_s, 2),
        "peak_mb": round(max(run.peak_mb for run in theirs.runs)),
        "genred_speed_ratio": round(statistics.median(ratios), 3),
        "genred_cpu_ratio": round(statistics.median(busy), 3),
        "genred_cpu_ratio_without_start": round(statistics.median(steady), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "rounds": [{"wall_s": round(run.wall_s, 3), "cpu_s": round(run.cpu_s, 3)} for run in theirs.runs],
        "largest_score_difference": None if difference is None else round(difference, 6),
    }


def _less(run: Took, start: Took) -> float:
    """Processor seconds beyond the start."""
    return max(run.cpu_s - start.cpu_s, 1e-3)


def print_report(report: dict[str, Any]) -> None:
    """A line a contender, a line for each that is missing, and a warning when the core was not free."""
    typer.echo(
        f"{report['when']}  {report['machine']}; {report['model']}, {report['audio_s']:g} s of 44.1 kHz stereo FLAC, "
        f"whole processes, {report['rounds']} rounds"
    )
    rows: dict[str, dict[str, Any]] = report["rows"]
    width = max(len(row["what"]) for row in rows.values()) + 2
    typer.echo(
        f"{'':<{width}}{'wall s':>8}{'CPU s':>8}{'start':>7}{'x real time':>13}{'windows/s':>11}{'peak MB':>9}"
        f"{'genred is':>11}{'by CPU':>8}{'less start':>12}{'scores differ':>15}"
    )
    for name, row in rows.items():
        typer.echo(
            f"{row['what']:<{width}}{row['wall_s']:>8.2f}{row['cpu_s']:>8.2f}{row['start_cpu_s']:>7.2f}"
            f"{row['x_realtime']:>13.1f}{row['windows_per_s']:>11.1f}{row['peak_mb']:>9}"
            + ("" if name == "genred" else _beside_genred(row))
        )
    for name, why in report["missing"].items():
        typer.echo(f"{name}: {why}")
    if any(row["wall_s"] > SHARED * row["cpu_s"] for row in rows.values()):
        typer.echo("other work had a part of the core: go by the ratios of processor time")


def _beside_genred(row: dict[str, Any]) -> str:
    """The columns that genred's own line leaves empty."""
    differs = row["largest_score_difference"]
    return (
        f"{row['genred_speed_ratio']:>10.2f}x{row['genred_cpu_ratio']:>7.2f}x"
        f"{row['genred_cpu_ratio_without_start']:>11.2f}x"
        f"{'' if differs is None else f'{differs:.4f}':>15}"
    )

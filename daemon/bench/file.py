"""`genred bench file`: `genred tag` on a file, beside the bare loop and the straightforward way, one core, in turns."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from daemon.bench.audio import write_music
from daemon.bench.live import first_tag_latency_s
from daemon.bench.machine import describe
from daemon.bench.process import Took, run_on_one_core
from models.catalogue import resolve_model

MODEL = "musicnn-msd"


def run_bench_file(minutes: float, rounds: int, plain_model: Path | None, json_path: Path | None) -> None:
    """Measure, print a table, and write the figures to `json_path` when given."""
    with tempfile.TemporaryDirectory(prefix="genred-bench-") as folder:
        audio = write_music(Path(folder) / "music.flac", minutes * 60)
        contenders = {"genred tag": _tag(audio), "bare loop": _bare(audio)}
        if plain_model is not None:
            contenders["librosa + plain ONNX"] = _librosa(audio, plain_model)
        took = _in_turns(contenders, rounds)
        report = _report(took, minutes * 60)
        latencies_s = sorted(first_tag_latency_s(Path(folder)) for _ in range(rounds))
        report["first_tag_after_window_end_ms"] = [round(latency_s * 1000, 1) for latency_s in latencies_s]
        report["help_s"] = round(min(run_on_one_core([*_genred(), "--help"]).wall_s for _ in range(5)), 3)
    _print(report)
    if plain_model is None:
        typer.echo("no librosa peer: give --plain-model (genred export import-musicnn --arrangement plain)")
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2) + "\n")


def _genred() -> list[str]:
    return [sys.executable, "-m", "daemon"]


def _tag(audio: Path) -> list[str]:
    return [*_genred(), "tag", str(audio), "--threads", "1", "--model", MODEL, "--output", "csv"]


def _bare(audio: Path) -> list[str]:
    return [sys.executable, "-m", "daemon.bench.bare_loop", str(audio), str(resolve_model(MODEL))]


def _librosa(audio: Path, plain_model: Path) -> list[str]:
    return [sys.executable, "-m", "daemon.bench.librosa_loop", str(audio), str(plain_model)]


def _in_turns(contenders: dict[str, list[str]], rounds: int) -> dict[str, list[Took]]:
    """Each contender `rounds` times, in turns, so that the machine's mood falls on all alike."""
    took: dict[str, list[Took]] = {name: [] for name in contenders}
    with typer.progressbar(range(rounds), label="measuring", file=sys.stderr) as progress:
        for _ in progress:
            for name, command in contenders.items():
                took[name].append(run_on_one_core(command))
    return took


def _report(took: dict[str, list[Took]], audio_s: float) -> dict[str, Any]:
    ours = took["genred tag"]
    rows = {}
    for name, runs in took.items():
        rows[name] = {
            "wall_s": round(statistics.median(run.wall_s for run in runs), 2),
            "cpu_s": round(statistics.median(run.cpu_s for run in runs), 2),
            "x_realtime": round(audio_s / statistics.median(run.wall_s for run in runs), 1),
            "peak_mb": round(max(run.peak_mb for run in runs)),
            "genred_speed_ratio": round(_ratio(ours, runs), 3),
        }
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{describe()}, one core",
        "audio_s": audio_s,
        "rows": rows,
    }


def _ratio(ours: Sequence[Took], theirs: Sequence[Took]) -> float:
    """How many times their speed ours is: the median of the rounds' own ratios."""
    return statistics.median(their.wall_s / our.wall_s for our, their in zip(ours, theirs, strict=True))


def _print(report: dict[str, Any]) -> None:
    typer.echo(
        f"{report['when']}  {report['machine']}; {report['audio_s']:g} s of 44.1 kHz stereo FLAC, whole processes"
    )
    typer.echo(f"{'':<24} {'wall s':>8} {'CPU s':>8} {'x real time':>12} {'peak MB':>8} {'genred is':>11}")
    for name, row in report["rows"].items():
        ratio = "" if name == "genred tag" else f"{row['genred_speed_ratio']:.2f}x"
        typer.echo(
            f"{name:<24} {row['wall_s']:>8.2f} {row['cpu_s']:>8.2f} {row['x_realtime']:>12.1f} "
            f"{row['peak_mb']:>8} {ratio:>11}"
        )
    latencies_ms = ", ".join(f"{latency_ms:g}" for latency_ms in report["first_tag_after_window_end_ms"])
    typer.echo(f"first tag of a live stream, after its first window's end: {latencies_ms} ms")
    typer.echo(f"genred --help: {report['help_s']} s")

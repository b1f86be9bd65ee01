"""`genred bench kafka`: one worker on one core between real topics, beside the engine alone on the same windows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from daemon.bench.children import peak_mb
from daemon.bench.kafka_load import CASES, Case, make_topics, send, window_times_s
from daemon.bench.machine import describe
from daemon.bench.process import one_thread_environment
from daemon.errors import GenredError
from daemon.kafka.connection import reachable
from daemon.settings import load_settings

WORKER_S = 600.0


@dataclass(frozen=True, slots=True)
class WorkerTook:
    """A worker's windows a second, between its first and its last, and the processor's seconds by thread."""

    windows_per_s: float
    loop_cpu_s: float
    other_cpu_s: float
    stages_s: dict[str, float]  # of the engine's thread
    peak_mb: float


def run_bench_kafka(bootstrap: str, seconds: float, rounds: int, cases: Sequence[int], json_path: Path | None) -> None:
    """Measure, print a table, and write the figures to `json_path` when given. `seconds`: audio of each stream."""
    asyncio.run(reachable(load_settings(None, {"kafka": {"bootstrap_servers": [bootstrap]}}).kafka))
    rows = []
    with tempfile.TemporaryDirectory(prefix="genred-bench-") as folder:
        for case in [CASES[number - 1] for number in cases] or CASES:
            load = Load(bootstrap, case, seconds)
            typer.echo(f"{case.name}: sending {case.streams} streams of {seconds:g} s", err=True)
            asyncio.run(load.prepare())
            rows.append(_measure(load, rounds, Path(folder)))
    report = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe(), "rows": rows}
    _print(report)
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2) + "\n")


class Load:
    """The topics and the records of one case."""

    def __init__(self, bootstrap: str, case: Case, seconds: float) -> None:
        self.bootstrap, self.case, self.seconds = bootstrap, case, seconds
        self.name = f"genred-bench-{uuid.uuid4().hex[:8]}"
        self.windows = case.streams * max(0, int(seconds) // 2 - 1)

    async def prepare(self) -> None:
        """Topics and records."""
        await make_topics(self.bootstrap, self.name, self.case.partitions)
        await send(self.bootstrap, f"{self.name}-audio", self.case, self.seconds)

    def settings(self, folder: Path, round_: int, port: int) -> Path:
        """A worker's settings: a group of its own, so that it begins at the first record."""
        path = folder / f"{self.name}-{round_}.toml"
        path.write_text(f"""
engine.device = "cpu"
engine.threads = 1
http.port = {port}
log.level = "warning"
[kafka]
bootstrap_servers = ["{self.bootstrap}"]
windows_topic = "{self.name}-windows-{round_}"
tags_topic = "{self.name}-tags"
dead_letter_topic = "{self.name}-dead"
[[sources]]
kind = "kafka"
topic = "{self.name}-audio"
group = "{self.name}-{round_}"
start = "earliest"
idle_s = 3600
""")
        return path


def _measure(load: Load, rounds: int, folder: Path) -> dict[str, Any]:
    engine, workers = [], []
    with typer.progressbar(range(rounds), label=load.case.name, file=sys.stderr) as progress:
        for round_ in progress:
            engine.append(_engine_alone(load))
            workers.append(_worker(load, round_, folder))
    ratios = [worker.windows_per_s / alone for worker, alone in zip(workers, engine, strict=True)]
    return {
        "case": load.case.name,
        "windows": load.windows,
        "engine_windows_per_s": round(statistics.median(engine), 2),
        "worker_windows_per_s": round(statistics.median(worker.windows_per_s for worker in workers), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "shares": _shares(workers),
        "peak_mb": round(max(worker.peak_mb for worker in workers)),
    }


def _shares(workers: Sequence[WorkerTook]) -> dict[str, float]:
    """Parts of the worker's processor time, start included: records in and results out, features, network, the rest.

    The engine's stages are told in wall time, in which the event loop has its turns too: so they share what the other
    threads took of the processor.
    """
    loop_s, other_s = sum(worker.loop_cpu_s for worker in workers), sum(worker.other_cpu_s for worker in workers)
    stages_s = {stage: sum(worker.stages_s[stage] for worker in workers) for stage in workers[0].stages_s}
    scale = min(1.0, other_s / sum(stages_s.values()))
    parts_s = {"event loop": loop_s, **{stage: seconds * scale for stage, seconds in stages_s.items()}}
    shares = {part: round(seconds / (loop_s + other_s), 3) for part, seconds in parts_s.items()}
    return {**shares, "rest": round(max(0.0, 1 - sum(shares.values())), 3)}


def _pinned(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    core = max(os.sched_getaffinity(0))  # the brokers, if they are here, have the others
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        text=True,
        env=one_thread_environment(),
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        **options,
    )


def _engine_alone(load: Load) -> float:
    """Windows a second of the engine, with the windows cut beforehand."""
    command = ["daemon.bench.engine_alone", load.case.name, str(load.windows)]
    with _pinned(command, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=WORKER_S)
    if process.returncode:
        raise GenredError("bench: the engine alone did not run")
    return float(out)


def _worker(load: Load, round_: int, folder: Path) -> WorkerTook:
    asyncio.run(make_topics(load.bootstrap, load.name, load.case.partitions, f"-windows-{round_}"))
    topic, port = f"{load.name}-windows-{round_}", _free_port()
    with _pinned(["daemon", "run", "-c", str(load.settings(folder, round_, port))]) as process:
        try:
            times_s = asyncio.run(window_times_s(load.bootstrap, topic, load.windows, WORKER_S, process.poll))
            loop_s, other_s = _cpu_s(process.pid)
            stages_s = _stages_s(port)
            highest_mb = peak_mb(process.pid)
        finally:
            process.terminate()
            process.wait(60)
    return WorkerTook((len(times_s) - 1) / (times_s[-1] - times_s[0]), loop_s, other_s, stages_s, highest_mb)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stages_s(port: int) -> dict[str, float]:
    """Seconds that the engine spent in each stage, by the worker's own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'^genred_stage_duration_seconds_sum\{stage="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {stage: float(seconds) for stage, seconds in found}


def _cpu_s(pid: int) -> tuple[float, float]:
    """Processor seconds of the main thread, where the event loop runs, and of all others."""
    ticks = os.sysconf("SC_CLK_TCK")
    by_thread = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        by_thread[int(task.name)] = (int(fields[11]) + int(fields[12])) / ticks
    return by_thread[pid], sum(by_thread.values()) - by_thread[pid]


def _print(report: dict[str, Any]) -> None:
    typer.echo(f"{report['when']}  {report['machine']}; one core for the worker, model musicnn-msd")
    typer.echo(f"{'':<34} {'engine/s':>9} {'worker/s':>9} {'ratio':>6} {'peak MB':>8}  share of the processor")
    for row in report["rows"]:
        typer.echo(
            f"{row['case']:<34} {row['engine_windows_per_s']:>9.1f} {row['worker_windows_per_s']:>9.1f} "
            f"{row['ratio']:>6.3f} {row['peak_mb']:>8}  "
            + ", ".join(f"{stage} {share:.1%}" for stage, share in row["shares"].items())
        )

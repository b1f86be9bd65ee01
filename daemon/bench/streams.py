"""`genred bench streams`: the largest number of real-time streams that the engine holds, found by trying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from daemon.bench.benched import Benched, check_outputs, header, print_header, say, write_json
from daemon.bench.children import chosen_workers
from daemon.bench.latency import STREAMS_TO_FILL, measure_live
from daemon.bench.live_run import LiveRun
from daemon.bench.streams_search import confirmed, largest

P99_MS = 500.0
FIRST_GUESS = 0.95  # of what the capacity would carry
GROWTH, GROWTH_WINDOWS = 1.5, 3.0  # the queue may vary by so much from a run's first third to its last


def run_bench_streams(
    benched: Benched,
    workers: Sequence[int],
    seconds: float,
    probe_seconds: float,
    chunk_s: float,
    most_streams: int,
    json_path: Path | None,
) -> None:
    """Search with runs of `probe_seconds`, confirm with one of `seconds`; print a table and write the figures."""
    check_outputs(json_path)
    chosen, rows = chosen_workers(list(workers)), []
    report = header(benched.load().card.name, benched.precision)
    for count in chosen:
        say(f"capacity, {count} at work")
        full = measure_live(LiveRun(benched.flags(count), STREAMS_TO_FILL, probe_seconds, chunk_s, paced=False), count)
        search = _Search(benched, count, chunk_s)
        guess = round(FIRST_GUESS * full["windows_per_s"] * full["hop_s"])
        found = largest(lambda streams: search.holds(streams, probe_seconds), guess, most_streams)  # noqa: B023
        found = confirmed(lambda streams: search.holds(streams, seconds), found)  # noqa: B023
        rows.append(
            {
                "workers": count,
                "streams": found,
                "seconds": seconds,
                "capacity_windows_per_s": round(full["windows_per_s"], 1),
                "run": search.tried[-1] if found else None,
                "tried": search.tried,
            }
        )
    report |= {"p99_limit_ms": P99_MS, "chunk_s": chunk_s, "most_streams": most_streams, "rows": rows}
    _print(report)
    write_json(report, json_path)


class _Search:
    """Asks whether so many streams are held."""

    def __init__(self, benched: Benched, workers: int, chunk_s: float) -> None:
        self._benched, self._workers, self._chunk_s = benched, workers, chunk_s
        self.tried: list[dict[str, Any]] = []

    def holds(self, streams: int, seconds: float) -> bool:
        """Whether `streams` are held for `seconds`."""
        say(f"{streams} streams for {seconds:g} s, {self._workers} at work")
        run = LiveRun(
            self._benched.flags(self._workers), streams, seconds, self._chunk_s, paced=True,
            give_up_late_s=P99_MS / 1000, seed=2026 + len(self.tried),
        )  # fmt: skip
        found = measure_live(run, self._workers)
        held = is_held(found)
        kept = (
            "streams",
            "windows",
            "missing",
            "latency_ms",
            "queue",
            "busy_share",
            "loop_share",
            "others_share",
            "peak_mb",
        )
        self.tried.append({"seconds": seconds, "held": held, **{name: found[name] for name in kept}})
        return held


def is_held(found: Mapping[str, Any]) -> bool:
    """Every window came, p99 is below the limit, and the queue does not grow."""
    first, _, last = found["queue"]
    if found["gave_up"] or found["missing"] or not found["windows"]:
        return False
    return bool(found["latency_ms"]["p99"] < P99_MS and last <= GROWTH * first + GROWTH_WINDOWS)


def _print(report: Mapping[str, Any]) -> None:
    print_header(report)
    typer.echo(
        f"streams in real time, chunks of {report['chunk_s']:g} s: p99 under {report['p99_limit_ms']:g} ms and a queue "
        "that does not grow (mean of the first and of the last third)"
    )
    typer.echo(
        f"{'workers':>7} {'streams':>7} {'for s':>6} {'a core':>7} {'p50 ms':>7} {'p99 ms':>7} {'queue':>13} "
        f"{'busy':>5} {'loop':>5} {'others':>6} {'peak MB':>7} {'tries':>5}"
    )
    for row in report["rows"]:
        run = row["run"]
        if run is None:
            typer.echo(f"{row['workers']:>7} {0:>7}  not even one")
            continue
        queue = f"{run['queue'][0]:.1f} -> {run['queue'][2]:.1f}"
        most = "  (no more were tried)" if row["streams"] == report["most_streams"] else ""
        typer.echo(
            f"{row['workers']:>7} {row['streams']:>7} {row['seconds']:>6g} {row['streams'] / row['workers']:>7.0f} "
            f"{run['latency_ms']['p50']:>7.1f} {run['latency_ms']['p99']:>7.1f} {queue:>13} {run['busy_share']:>5.0%} "
            f"{run['loop_share']:>5.1%} {run['others_share']:>6.1%} {run['peak_mb']:>7.0f} {len(row['tried']):>5}{most}"
        )

"""`genred bench latency`: from the end of a window to its result, live streams at parts of the capacity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.bench.benched import Benched, check_outputs, header, say, write_json
from daemon.bench.children import chosen_workers, run_child
from daemon.bench.latency_report import latency_row, print_latency
from daemon.bench.live_run import LiveRun

LOADS = (0.25, 0.5, 0.75, 0.9)
GIVE_UP_LATE_S = 5.0
STREAMS_TO_FILL = 80  # more than wait in the engine's queue


@dataclass(frozen=True, slots=True)
class Timing:
    """Rounds, each with random places of its own for the streams; seconds of each load; seconds of a chunk."""

    rounds: int
    seconds: float
    chunk_s: float


def run_bench_latency(
    benched: Benched,
    workers: Sequence[int],
    loads: Sequence[float],
    timing: Timing,
    most_streams: int,
    json_path: Path | None,
    plot_path: Path | None,
) -> None:
    """Measure, print a table, write the figures and draw the picture where asked."""
    check_outputs(json_path, plot_path)
    if plot_path is not None:
        from daemon.bench.latency_plot import check_matplotlib

        check_matplotlib()
    chosen = chosen_workers(list(workers))
    report = header(benched.load().card.name, benched.precision)
    found: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for number in range(timing.rounds):
        for count in chosen:
            say(f"round {number + 1} of {timing.rounds}: capacity, {count} at work")
            run = LiveRun(benched.flags(count), STREAMS_TO_FILL, timing.seconds, timing.chunk_s, paced=False)
            full = measure_live(run, count)
            for load in sorted(loads or LOADS):
                streams = max(1, min(most_streams, round(load * full["windows_per_s"] * full["hop_s"])))
                say(f"round {number + 1} of {timing.rounds}: {streams} streams, {count} at work")
                run = LiveRun(
                    benched.flags(count), streams, timing.seconds, timing.chunk_s, paced=True, seed=number,
                    service_s=count / full["windows_per_s"], give_up_late_s=GIVE_UP_LATE_S,
                )  # fmt: skip
                one = {
                    "capacity_windows_per_s": round(full["windows_per_s"], 1),
                    "capacity_others_share": full["others_share"],
                    **measure_live(run, count),
                }
                found.setdefault((count, load), []).append(one)
    rows = [latency_row(count, load, rounds) for (count, load), rounds in found.items()]
    report |= {"seconds": timing.seconds, "chunk_s": timing.chunk_s, "rows": rows}
    print_latency(report)
    write_json(report, json_path)
    if plot_path is not None:
        from daemon.bench.latency_plot import draw_latency

        draw_latency(report, plot_path)


def measure_live(run: LiveRun, cores: int) -> dict[str, Any]:
    """A run in a process of its own."""
    return run_child("daemon.bench.live_run", asdict(run), cores)

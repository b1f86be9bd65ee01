"""`genred bench engine`: the engine beside the machine's limit, one worker and all, in turns; memory of streams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.bench.benched import Benched, check_outputs, header, say, write_json
from daemon.bench.children import chosen_workers, run_child, usable_cores
from daemon.bench.engine_report import Round, engine_rows, print_engine_report
from daemon.bench.operations import MODELS, carried_window, first_window, plain_window
from daemon.bench.ready_windows import Arrival

MEMORY_CHUNK_S, MEMORY_AUDIO_S = 0.1, 6.0  # what is heard of each stream beyond its first window
LIMIT_S = 1.5


def run_bench_engine(
    benched: Benched, workers: Sequence[int], seconds: float, rounds: int, streams: int, json_path: Path | None
) -> None:
    """Measure, print a table, and write the figures to `json_path` when given. `streams` = 0: no memory is measured."""
    check_outputs(json_path)
    chosen = chosen_workers(list(workers))
    model = benched.load()
    report = header(model.card.name, benched.precision)
    measured = [_round(benched, chosen, seconds, number, rounds) for number in range(rounds)]
    living = MODELS.get(model.card.name)
    operations = {
        "plain_window": 2 * plain_window() if living else None,
        "carried_window": 2 * carried_window(living) if living else None,
        "first_window": 2 * first_window(living) if living else None,
    }
    report |= {
        "golden_deviation": model.golden_deviation,
        "operations": operations,
        "limits_gflop_per_s": {
            str(count): max(one.limits[count]["gflop_per_s"] for one in measured) for count in chosen
        },
        "limits_by": {str(count): [one.limits[count]["by"] for one in measured] for count in chosen},
        "rows": engine_rows(measured, operations),
    }
    if streams:
        say(f"memory of {streams} streams")
        report["memory"] = _memory(benched, streams)
    print_engine_report(report)
    write_json(report, json_path)


def _round(benched: Benched, workers: Sequence[int], seconds: float, number: int, rounds: int) -> Round:
    """Every case once, and the limits in their midst: the machine's mood falls on all alike."""
    found = Round({}, {})
    for count in workers:
        say(f"round {number + 1} of {rounds}: limit of {count}")
        limit = {"workers": count, "seconds": min(LIMIT_S, seconds)}
        found.limits[count] = run_child("daemon.bench.limits", limit, count, one_thread=True)
    for arrival in Arrival:
        for count in workers:
            say(f"round {number + 1} of {rounds}: {arrival}, {count} at work")
            asked = {"arrival": arrival, "settings": benched.flags(count), "seconds": seconds}
            found.cases[arrival, count] = run_child("daemon.bench.engine_case", asked, count)
    return found


def _memory(benched: Benched, streams: int) -> dict[str, Any]:
    """Largest resident memory of a process with so many live streams, and with one."""
    asked = {
        "settings": benched.flags(usable_cores()),
        "seconds": MEMORY_AUDIO_S,
        "chunk_s": MEMORY_CHUNK_S,
        "paced": False,
        "all_of_it": True,
    }
    many, one = (
        run_child("daemon.bench.live_run", {**asked, "streams": count}, usable_cores()) for count in (streams, 1)
    )
    return {
        "streams": streams,
        "peak_mb": round(many["peak_mb"]),
        "one_stream_mb": round(one["peak_mb"]),
        "kb_a_stream": round((many["peak_mb"] - one["peak_mb"]) * 1000 / streams),
    }

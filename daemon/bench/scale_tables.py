"""The report's tables, as rows of text: for the terminal and for docs/scaling.md. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from daemon.bench.scale_breaks import breaks
from daemon.bench.scale_measured import Assumed, Measured, explained
from daemon.bench.scale_report import RECOVERIES_S, SHARES, STOPS_S, Report, Week, highest_load

Table = Sequence[Sequence[str]]  # the first row is the head


def number(value: float, digits: int = 3) -> str:
    """With so many significant digits, thousands apart, no exponent; "for ever" for what never ends."""
    if not math.isfinite(value):
        return "for ever"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{rounded:,.{places}f}".rstrip("0").rstrip(".") if places else f"{rounded:,.0f}"


def figures_table(figures: Measured | Assumed) -> Table:
    """All figures with their meaning and source."""
    rows = [[f"`{name}`", f"{value:,.10g}", meaning, source] for name, value, meaning, source in explained(figures)]
    return [["figure", "value", "what it is", "from"], *rows]


def formats_table(report: Report) -> Table:
    """How audio arrives."""
    head = ["format", "", "bytes/s on the wire", "decoding, ms a window", "source PCM, bytes/s"]
    rows = [
        [f"`{audio.name}`", audio.said, number(audio.wire_bytes_per_s, 6), f"{audio.decode_ms_per_window:g}",
         number(audio.pcm_bytes_per_s, 6)]
        for audio, _, _ in report.costs
    ]  # fmt: skip
    return [head, *rows]


def costs_table(report: Report) -> Table:
    """What one stream takes."""
    head = ["format", "core", "streams a core", "memory, MB", "in, kB/s", "out, kB/s", "records/s in, out",
            "broker disk, MB", "take-over reads, kB"]  # fmt: skip
    rows = [
        [f"`{audio.name}`", f"{cost.cores:.2%}", number(1 / cost.cores), number(cost.memory_mb),
         number(cost.in_bytes_per_s / 1e3), number(cost.out_bytes_per_s / 1e3),
         f"{cost.records_in_hz:g}, {cost.records_out_hz:g}", number(cost.disk_bytes / 1e6),
         number(cost.replay_bytes / 1e3)]
        for audio, _, cost in report.costs
    ]  # fmt: skip
    return [head, *rows]


def plans_table(report: Report) -> Table:
    """What the numbers of streams need."""
    head = ["streams", "format", "busy cores", "workers", "streams a worker (fullest)", "partitions", "cells x workers",
            "clusters", "brokers", "decided by", "in, GB/s", "disk, TB"]  # fmt: skip
    rows = [
        [f"{one.streams:,}", f"`{one.audio.name}`", number(one.cores), f"{one.workers:,}",
         f"{one.streams_per_worker:.0f} ({one.hot_load:.0%} load)", f"{one.partitions:,}",
         f"{one.cells:,} x {one.cell_workers}", str(one.clusters), f"{one.brokers:,}", one.brokers_by,
         number(one.in_gb_s), number(one.disk_tb)]
        for one in report.plans
    ]  # fmt: skip
    return [head, *rows]


def weeks_table(weeks: Sequence[Week]) -> Table:
    """What simulated weeks came to."""
    quantiles = [f"p{100 * share:g}" for share in SHARES]
    head = ["", "membership", "groups x workers", *quantiles, "longest outage", "rebalances a group", "time in them",
            "lost", "tags repeated per million windows"]  # fmt: skip
    return [head, *(_week_row(week) for week in weeks)]


def _week_row(week: Week) -> list[str]:
    outcome = week.outcome
    lost = number(outcome.windows_lost / outcome.windows_in) if outcome.windows_lost > 0.5 else "0"
    return [
        week.name,
        "static" if week.static else "dynamic",
        f"{week.cells:,} x {week.workers:,}",
        *(f"{number(value)} s" if math.isfinite(value) else number(value) for value in week.added_s),
        f"{number(outcome.longest_outage_s)} s" if outcome.settled else "never settles",
        number(outcome.rebalances / outcome.groups),
        f"{outcome.rebalancing_share:.3%}",
        lost if lost == "0" else f"{lost} of all",
        number(outcome.tags_repeated / outcome.windows_in * 1e6, 2),
    ]


def limits_table(report: Report) -> Table:
    """What a group asks of its leader and of the brokers."""
    head = ["members", "partitions", "the leader computes", "the group's record", "settles"]
    rows = [
        [f"{one.members:,}", f"{one.partitions:,}", f"{number(one.assign_s, 2)} s", f"{number(one.record_mb, 2)} MB",
         "yes" if one.settles else "no"]
        for one in report.limits
    ]  # fmt: skip
    return [head, *rows]


def recovery_table() -> Table:
    """The highest load, by standstill and time to recover."""
    head = ["standstill", *(f"made good in {recovery_s:g} s" for recovery_s in RECOVERIES_S),
            f"in {RECOVERIES_S[-1]:g} s, a zone's third gone"]  # fmt: skip
    rows = [
        [f"{stop_s:g} s", *(f"{highest_load(stop_s, recovery_s):.0%}" for recovery_s in RECOVERIES_S),
         f"{highest_load(stop_s, RECOVERIES_S[-1], 2 / 3):.0%}"]
        for stop_s in STOPS_S
    ]  # fmt: skip
    return [head, *rows]


def breaks_table(report: Report) -> Table:
    """What breaks first."""
    head = ["at some", "what", "what happens", "remedy"]
    found = breaks(report.measured, report.assumed, report.audio)
    return [head, *([f"{number(one.streams, 2)} streams", one.what, one.then, one.remedy] for one in found)]


def markdown(table: Table) -> str:
    """A table of a page."""
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def plain(table: Table) -> str:
    """A table for the terminal."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join(line.replace("`", "") for line in lines)

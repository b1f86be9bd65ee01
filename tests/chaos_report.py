"""The report of `make chaos`: one row a scenario and delivery."""

from __future__ import annotations

import datetime
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.bench.machine import describe
from tests.kafka_compare import Comparison
from tests.kafka_oracle import Broadcast
from tests.kafka_workers import PARTITIONS, SESSION_S

HEAD = """# Chaos

What `make chaos` found: real workers between the topics of a real Apache Kafka, amid a broadcast whose audio says which
stream and second it is; the truth is one uninterrupted run over the same audio without Kafka. Every scenario has a
Kafka of its own, two workers, and faults at random moments. Afterwards every window and every aggregate is compared
with the truth by its id: the same bounds, scores equal to 1e-4.

- At least once: nothing may be missing, and whatever is repeated must be the same.
- Exactly once: a reader with `read_committed` must see every id once.
"""
COLUMNS = (
    "scenario",
    "faults (amid the broadcast)",
    "windows: expected / published / missing / repeated",
    "tags: expected / published / missing / repeated",
    "ids with other bounds or scores",
    "deviation: scores / aggregates",
    "take-overs: number, median / worst",
    "seconds: received / unaccounted",
    "lasted",
    "held",
)


@dataclass
class Row:
    """What one scenario gave. Times in seconds."""

    scenario: str
    delivery: str
    faults: int = 0
    amid_work: int = 0
    windows: Comparison | None = None
    tags: Comparison | None = None
    takeovers_s: list[float] = field(default_factory=list)
    received_s: float = 0.0
    unaccounted_s: float = 0.0
    lasted_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def cells(self) -> list[str]:
        """As they stand in the table."""
        windows, tags = self.windows, self.tags
        different = "-"
        deviation = "-"
        if windows is not None and tags is not None:
            different = str(len(windows.different) + len(tags.different))
            deviation = f"{windows.deviation:.1e} / {tags.deviation:.1e}"
        takeovers = "-"
        if self.takeovers_s:
            median_s, worst_s = statistics.median(self.takeovers_s), max(self.takeovers_s)
            takeovers = f"{len(self.takeovers_s)}, {median_s:.2f} s / {worst_s:.2f} s"
        return [
            self.scenario,
            f"{self.faults} ({self.amid_work})",
            _counts(windows),
            _counts(tags),
            different,
            deviation,
            takeovers,
            f"{self.received_s:.1f} / {self.unaccounted_s:.3f}",
            f"{self.lasted_s:.0f} s",
            "no" if self.wrong else "yes",
        ]


def markdown(rows: Sequence[Row], command: str, seed: int, broadcast: Broadcast) -> str:
    """The page."""
    now = datetime.datetime.now(datetime.UTC)
    lines = [
        HEAD,
        f"`{command}` on {now:%Y-%m-%d}, seed {seed},",
        f"{os.cpu_count()} cores ({describe()}), shared with other work. {broadcast.streams} streams on {PARTITIONS}",
        f"partitions, {broadcast.seconds:g} s of audio each, faster than real time; sessions of {SESSION_S:g} s.",
        "",
        "A take-over is timed by the worker, from the assignment of a partition to its first own record; partitions",
        "without a past to read are left out. Received seconds are those of the workers that were there at the end",
        "(audio that is read again for a take-over counts again); unaccounted is the worst of them.",
    ]
    for delivery in dict.fromkeys(row.delivery for row in rows):
        lines += ["", f"## {delivery}", "", "| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        lines += ["| " + " | ".join(row.cells()) + " |" for row in rows if row.delivery == delivery]
    wrong = [f"- {row.scenario}, {row.delivery}: {what}" for row in rows for what in row.wrong]
    if wrong:
        lines += ["", "## What did not hold", "", *wrong]
    return "\n".join(lines) + "\n"


def _counts(found: Comparison | None) -> str:
    if found is None:
        return "-"
    return f"{found.expected} / {found.published} / {len(found.missing)} / {found.repeats}"

"""All that a soak found, and what of it may not be."""

from __future__ import annotations

import datetime
import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.soak_books import Books
from tests.soak_slope import most_within, slope_a_minute
from tests.soak_watch import Sample

MOST_MB_A_MINUTE = 1.0
MINUTE_S = 60.0
BACKLOG_S = 10.0  # of a stream
ANSWERS = "daemon.swap"  # the logger of the answers to SIGHUP, which are no noise
AFTER_S = 5.0  # lines this long after the broker's return still tell of its absence
TELLING = re.compile(r"left out\)$")


@dataclass(frozen=True)
class Found:
    """Figures of one soak; times from the begin of the feeding, in seconds."""

    began: float  # Unix time
    delivery: str
    seed: int
    length_s: float
    warm_up_s: float
    samples: Sequence[Sample]
    outages: Sequence[tuple[float, float]]
    swaps: Sequence[float]
    unready: Sequence[tuple[float, float]]
    log: str
    books: Books
    seconds: Mapping[str, Any]  # of /status, at the end
    served: int  # swaps that the daemon counted
    troubles: Sequence[str] = field(default_factory=tuple)  # exit codes, answers that did not come

    @cached_property
    def steady(self) -> list[Sample]:
        """Samples after the warm-up, while audio came."""
        return [sample for sample in self.samples if self.warm_up_s <= sample.at_s <= self.length_s]

    @cached_property
    def slope_mb(self) -> float:
        """Growth of the resident memory a minute, after the warm-up."""
        return self._slope([sample.rss_mb for sample in self.steady])

    @cached_property
    def own_slope_mb(self) -> float:
        """The same of the memory that is this process's alone."""
        return self._slope([sample.uss_mb for sample in self.steady])

    @cached_property
    def line_times(self) -> list[float]:
        """When each line of the log was written, without the answers to SIGHUP."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        told = [line["time"] for line in lines if line.get("logger") != ANSWERS]
        return [datetime.datetime.fromisoformat(time).timestamp() - self.began for time in told]

    def lines_in_outages(self) -> list[int]:
        """The most lines of the log in any minute of each outage."""
        return [
            most_within([at for at in self.line_times if start <= at <= stop + AFTER_S], MINUTE_S)
            for start, stop in self.outages
        ]

    def behind_s(self) -> tuple[float, float]:
        """Seconds behind what was captured, of a stream on average: the median of all samples, and the worst."""
        each = [sample.behind_s / self.books.fed.streams for sample in self.samples if sample.at_s <= self.length_s]
        return statistics.median(each), max(each)

    def unready_between_s(self) -> float:
        """Seconds not ready while the broker had been there for some time."""
        away = [(start, stop + AFTER_S) for start, stop in self.outages]
        total_s = 0.0
        for start, stop in self.unready:
            inside = sum(max(0.0, min(stop, end) - max(start, begin)) for begin, end in away)
            total_s += max(0.0, stop - start - inside)
        return total_s

    def _slope(self, memory_mb: Sequence[float]) -> float:
        """Like is compared with like: the same model serves, and there is a backlog at the broker or none.

        What is not with the broker yet is no backlog: the daemon cannot hold any of it.
        """
        most_s = BACKLOG_S * self.books.fed.streams
        kinds = [f"{sample.model} {sample.acked_s - sample.analysed_s > most_s}" for sample in self.steady]
        return slope_a_minute([sample.at_s for sample in self.steady], memory_mb, kinds)

    def wrong(self) -> list[str]:
        """What does not hold; empty when all does."""
        found = [*self.troubles]
        if not self.slope_mb < MOST_MB_A_MINUTE:
            found.append(f"memory grows by {self.slope_mb:.2f} MB a minute")
        if self.served != len(self.swaps):
            found.append(f"{self.served} of {len(self.swaps)} swaps served")
        uneven = [sample for sample in self.samples if abs(sample.unaccounted_s) >= 1e-3]
        if uneven:
            found.append(f"{uneven[0].unaccounted_s:.3f} s unaccounted for at {uneven[0].at_s:.0f} s")
        exactly_once = self.delivery == "exactly-once"
        return found + self.books.faults(exactly_once, len(self.swaps), self.seconds)

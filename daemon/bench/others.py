"""Whether the machine was quiet: what other processes took of the cores that a measurement may use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

R = TypeVar("R")

QUIET_SHARE = 0.05  # of the cores

BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, and what the host took, of a line of /proc/stat


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of the clock, of this process on the processor, and in which this process's cores were at work."""

    clock_s: float
    process_s: float
    cores_s: float


def used() -> Used:
    """Until now."""
    return Used(time.perf_counter(), time.process_time(), _cores_s())


def others_share(began: Used, ended: Used) -> float:
    """Part of the cores' time that was not this process's, 0 to 1; the kernel counts in hundredths of a second."""
    others_s = (ended.cores_s - began.cores_s) - (ended.process_s - began.process_s)
    whole_s = (ended.clock_s - began.clock_s) * len(os.sched_getaffinity(0))
    return round(min(1.0, max(0.0, others_s / whole_s)), 3) if whole_s > 0 else 0.0


def quiet(rounds: Sequence[R], share: Callable[[R], float]) -> list[R]:
    """The rounds in which others had little of the cores; all of them when there is none."""
    return [one for one in rounds if share(one) <= QUIET_SHARE] or list(rounds)


def _cores_s() -> float:
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in ours:
            ticks += sum(int(fields[place]) for place in BUSY)
    return ticks / os.sysconf("SC_CLK_TCK")

"""What is done to the daemon during the soak, and when: the broker killed and started again, the models swapped."""

from __future__ import annotations

import random
from dataclasses import dataclass

KILL, SWAP = "broker killed", "model swapped"
GAP_S, SWAP_GAP_S = (50.0, 130.0), (25.0, 70.0)  # from one to the next
SHORT_S, LONG_S = (1.0, 20.0), (70.0, 100.0)  # the broker is away; long: longer than `idle_s` and a minute of the log
LONG_EVERY = 3
BEGIN_S, END_S = 20.0, 45.0  # nothing is done so near the beginning and the end
SHARE = 0.5  # of a short soak, at most, that these two take


@dataclass(frozen=True)
class Fault:
    """One of them, `at_s` seconds after the feeding began. `down_s`: how long the broker is away."""

    at_s: float
    kind: str
    down_s: float = 0.0


def plan(seed: int, length_s: float) -> list[Fault]:
    """All faults of a soak, in order; no two outages overlap, and the last one is over in time."""
    rng = random.Random(seed)
    scale = min(1.0, SHARE * length_s / (BEGIN_S + END_S))
    begin_s, end_s = BEGIN_S * scale, length_s - END_S * scale
    faults, at_s, kills = [], begin_s + rng.uniform(0.0, 30.0) * scale, 0
    while True:
        down_s = rng.uniform(*(LONG_S if kills % LONG_EVERY == 1 else SHORT_S)) * scale
        if at_s + down_s > end_s:
            break
        faults.append(Fault(at_s, KILL, down_s))
        at_s += down_s + rng.uniform(*GAP_S) * scale
        kills += 1
    at_s = begin_s
    while at_s < end_s:
        faults.append(Fault(at_s, SWAP))
        at_s += rng.uniform(*SWAP_GAP_S) * scale
    return sorted(faults, key=lambda fault: fault.at_s)

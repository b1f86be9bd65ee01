"""A consumer group with an eager protocol: what its leader deals out, how long that takes, and when it cannot. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from daemon.bench.scale_fluid import Flags, Ints
from daemon.bench.scale_measured import Assumed, Measured

NOBODY = -1


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """What a group of that size asks of its leader and of the brokers."""

    members: int
    partitions: int
    assign_s: float
    record_mb: float
    settles: bool


def assign_s(measured: Measured, members: int, partitions: int) -> float:
    """How long the leader computes; its event loop does nothing else meanwhile, heartbeats included."""
    return measured.assign_us_per_member_partition * 1e-6 * members * partitions


def limits(measured: Measured, assumed: Assumed, members: int, partitions: int) -> GroupLimits:
    """Whether a group of that size can settle: its leader must answer within the session, its record must be taken."""
    took_s = assign_s(measured, members, partitions)
    record_mb = (measured.group_bytes_per_member * members + measured.group_bytes_per_partition * partitions) / 1e6
    settles = took_s <= assumed.session_timeout_s and record_mb <= assumed.group_record_mb
    return GroupLimits(members, partitions, took_s, record_mb, settles)


def largest_group(measured: Measured, assumed: Assumed) -> int:
    """Members of the largest group that settles."""
    low, high = 1, 1 << 24
    while low < high - 1:
        middle = (low + high) // 2
        if limits(measured, assumed, middle, round(middle * assumed.partitions_per_worker)).settles:
            low = middle
        else:
            high = middle
    return low


def deal(owner: Ints, members: Flags) -> Ints:
    """The sticky assignment: nothing moves but what must, and nobody has two partitions more than another.

    `owner`: worker of each partition, NOBODY for none; `members`: who is in the group.
    """
    dealt = np.where((owner >= 0) & members[np.maximum(owner, 0)], owner, NOBODY)
    present = np.flatnonzero(members)
    if not len(present):
        return dealt
    least, most = len(owner) // len(present), -(-len(owner) // len(present))
    counts = np.bincount(dealt[dealt >= 0], minlength=len(members))
    for partition in np.flatnonzero((dealt >= 0) & (counts[dealt] > most)).tolist():
        holder = dealt[partition]
        if counts[holder] > most:
            counts[holder] -= 1
            dealt[partition] = NOBODY
    free = np.flatnonzero(dealt == NOBODY).tolist()
    poor = [worker for worker in present.tolist() for _ in range(max(0, least - int(counts[worker])))]
    givers = np.flatnonzero((dealt >= 0) & (counts[dealt] > least)).tolist() if len(poor) > len(free) else []
    for partition in givers:  # of those who have one more than others
        if len(free) >= len(poor):
            break
        if counts[dealt[partition]] > least:
            counts[dealt[partition]] -= 1
            dealt[partition] = NOBODY
            free.append(partition)
    _hand_out(free, dealt, counts, present)
    return dealt


def _hand_out(free: list[int], dealt: Ints, counts: Ints, present: Ints) -> None:
    """Each free partition to whoever has the fewest."""
    if not free:
        return
    poorest = list(zip(counts[present].tolist(), present.tolist(), strict=True))
    heapq.heapify(poorest)
    for partition in free:
        count, worker = poorest[0]
        dealt[partition] = worker
        heapq.heapreplace(poorest, (count + 1, worker))

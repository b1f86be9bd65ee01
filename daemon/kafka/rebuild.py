"""What a new owner must read: the bookmark that goes with a commit. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from daemon.kafka.bookmark import Bookmark
from daemon.kafka.open_runs import OpenRun, Published
from daemon.kafka.watermark import Watermark


def bookmark(
    committed: int,
    watermark: Watermark,
    runs: Iterable[OpenRun],
    horizon_s: float,
    log_end: int,
    closed_before: int,
) -> Bookmark:
    """Where to read from to be as this owner was before record `committed`.

    `runs` are those that were open before it. `log_end` is an offset of the windows topic after which nothing was
    written by this owner but windows of records from `committed` on.
    """
    before: dict[OpenRun, int] = {}  # runs that went on at `committed` or later: what they needed before
    for ticket in watermark.from_offset(committed):
        if ticket.run is not None and ticket.needed_offset is not None:
            before.setdefault(ticket.run, ticket.needed_offset)
    audio, windows = committed, log_end
    for run in runs:
        needed = before.get(run, run.windower.needed_offset)
        if needed is not None:
            audio = min(audio, needed)
        first = first_of_horizon(run.published, committed, horizon_s)
        if first is not None:
            windows = min(windows, first.log_offset)
    return Bookmark(audio, windows, closed_before)


def first_of_horizon(published: Iterable[Published], committed: int, horizon_s: float) -> Published | None:
    """The oldest window that the newest one below `committed` was aggregated with."""
    below = [window for window in published if window.offset < committed]
    if not below:
        return None
    return next(window for window in below if window.end_s > below[-1].end_s - horizon_s)


def forget_older(published: deque[Published], committed: int, horizon_s: float) -> None:
    """Let go of windows that no commit from `committed` on will need."""
    first = first_of_horizon(published, committed, horizon_s)
    while first is not None and published[0] is not first:
        published.popleft()

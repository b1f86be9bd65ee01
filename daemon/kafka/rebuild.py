"""What a new owner must read of the runs that were open before a commit. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from daemon.kafka.open_runs import Begun, OpenRun, Published, fingerprint

WINDOWLESS_S = 60.0  # a run that never had a window is rebuilt from its beginning, as long as it is no longer than that


def audio_from(run: OpenRun, needed_offset: int, committed: int) -> int:
    """The input record to read from, to be where the run was before `committed`: it needed `needed_offset` then.

    A little more is read than the next window needs: from the newest window below `committed` on, which a new owner
    finds in the windows topic. So it knows where to begin with the stream, whatever else lies before that (audio that
    came twice, audio of replaced runs), what the run is called, and at which position a counted record lies.
    """
    below = [window for window in run.published if window.offset < committed]
    if below:
        newest = below[-1].offset
        first = min(window.first_offset for window in below if window.offset == newest)
        return min(needed_offset, first) if needed_offset <= newest else needed_offset
    if run.next_position - run.first_position <= WINDOWLESS_S * run.windower.format.sample_rate_hz:
        return min(needed_offset, run.first_offset)
    return needed_offset


def begun(runs: Iterable[OpenRun], committed: int) -> dict[bytes, Begun]:
    """The runs begun before `committed` that have replaced another, the newest last."""
    known = sorted((run for run in runs if run.first_offset < committed), key=lambda run: run.first_offset)
    return {
        fingerprint(run.windower.stream): Begun(run.first_offset, run.replaced)
        for run in known
        if run.replaced is not None
    }


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

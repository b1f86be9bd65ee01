"""How fast a figure grows: a line that a few wild samples do not bend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 1500  # samples; the pairs grow with their square


def slope_a_minute(times_s: Sequence[float], values: Sequence[float], kinds: Sequence[str] = ()) -> float:
    """The median of the slopes of all pairs (Theil 1950, Sen 1968), a minute; of two samples of one kind, where given.

    ValueError without two of a kind at two times.
    """
    step = -(-len(times_s) // MOST)
    times, seen = np.asarray(times_s, float)[::step], np.asarray(values, float)[::step]
    first, second = np.triu_indices(len(times), 1)
    kind = np.unique(np.asarray(kinds or [""] * len(times_s))[::step], return_inverse=True)[1]
    apart = times[second] - times[first]
    comparable = (apart > 0) & (kind[first] == kind[second])
    slopes = (seen[second] - seen[first])[comparable] / apart[comparable]
    if not len(slopes):
        raise ValueError("a slope needs samples at two times")
    return float(np.median(slopes)) * 60


def most_within(times_s: Sequence[float], width_s: float) -> int:
    """The most events that any stretch of `width_s` seconds holds."""
    times = sorted(times_s)
    ends = np.searchsorted(times, np.asarray(times, float) + width_s, side="left")
    return int(max(ends - np.arange(len(times)), default=0))

"""A distribution of added latency, kept exactly at the edges of a fine grid. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EDGES_S: Floats = np.concatenate([[0.0], np.geomspace(1e-3, 1e7, 1001)])  # 2.3 % apart
NARROW_S = 1e-6  # a stretch no wider than this is a point


class Latencies:
    """How many windows waited how long, in seconds beyond the usual.

    A stretch of windows whose latency goes evenly from one value to another has a density that begins at the lower and
    ends at the higher: two sums for each say how many lie below any edge.
    """

    def __init__(self) -> None:
        self.windows = 0.0
        self._density = np.zeros(len(EDGES_S) + 1)
        self._moment = np.zeros(len(EDGES_S) + 1)
        self._points = np.zeros(len(EDGES_S) + 1)

    def add_prompt(self, windows: float) -> None:
        """Windows without any added latency."""
        self.windows += windows
        self._points[0] += windows

    def add(self, low_s: Floats, high_s: Floats, windows: Floats) -> None:
        """Stretches of windows, each even between its two latencies (seconds, low <= high)."""
        self.windows += float(windows.sum())
        point = high_s - low_s <= NARROW_S
        self._points += np.bincount(
            np.searchsorted(EDGES_S, low_s[point]), weights=windows[point], minlength=len(self._points)
        )
        low_s, high_s, windows = low_s[~point], high_s[~point], windows[~point]
        density = windows / (high_s - low_s)
        for edges_s, sign in ((low_s, 1.0), (high_s, -1.0)):
            place = np.searchsorted(EDGES_S, edges_s)
            self._density += sign * np.bincount(place, weights=density, minlength=len(self._density))
            self._moment += sign * np.bincount(place, weights=density * edges_s, minlength=len(self._moment))

    def merge(self, other: Latencies) -> None:
        """Add another's windows."""
        self.windows += other.windows
        self._density += other._density
        self._moment += other._moment
        self._points += other._points

    def below(self) -> Floats:
        """How many windows waited at most each of EDGES_S."""
        density, moment = np.cumsum(self._density)[:-1], np.cumsum(self._moment)[:-1]
        counts: Floats = np.cumsum(self._points)[:-1] + density * EDGES_S - moment
        return counts

    def quantile_s(self, share: float) -> float:
        """The latency that `share` of the windows do not exceed, to the next edge."""
        if self.windows <= 0:
            return 0.0
        # Of sums that cancel, a rounding error is left: less than a millionth of the windows.
        place = np.searchsorted(np.maximum.accumulate(self.below()), share * self.windows * (1 - 1e-9))
        return float(EDGES_S[min(int(place), len(EDGES_S) - 1)])

    def share_above(self, limit_s: float) -> float:
        """The share of windows that waited longer than `limit_s` seconds."""
        if self.windows <= 0:
            return 0.0
        return max(0.0, 1 - float(np.interp(limit_s, EDGES_S, self.below())) / self.windows)

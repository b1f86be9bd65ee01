"""Medians over 31 neighbours, by minima and maxima of whole arrays.

Sorting the values under each place of a window one by one (np.partition of a sliding view) takes five times as long and
thirty times the memory. Here runs of 2, 4, 8 and 16 neighbours are sorted for all places at once, each merged of two of
half the length, so that neighbouring windows share what they have in common; a window is two runs of 16 that share its
middle. The merges are K. E. Batcher's odd-even merges (Sorting networks and their applications, 1968).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

RUN: Final = 16
MEDIAN_WIDTH: Final = 2 * RUN - 1

_TILE: Final = 6_144  # numbers sorted together; fastest of 2,048..32,768 with a second-level cache of 1 MB


def running_median(values: Floats) -> Floats:
    """Over 31 rows: float32 (n, columns) -> (n - 30, columns)."""
    rows, columns = values.shape
    tile = max(1, _TILE // rows)
    work = [np.empty(RUN * rows * tile, np.float32) for _ in range(3)]
    medians = np.empty((rows - MEDIAN_WIDTH + 1, columns), np.float32)
    for first in range(0, columns, tile):
        some = np.ascontiguousarray(values[:, first : first + tile])
        found = _medians(some.reshape(-1), some.shape[1], work)
        medians[:, first : first + tile] = found.reshape(len(medians), -1)
    return medians


def _medians(values: Floats, step: int, work: Sequence[Floats]) -> Floats:
    """Over 31 of the entries `step` apart: (n,) -> (n - 30 * step,). work: three buffers of 16 * n numbers."""
    target, other, spare = work
    runs = values[np.newaxis]  # (length, places): the least entry of each place's run, the second, ...
    while len(runs) < RUN:
        length = len(runs)
        places = runs.shape[1] - length * step
        merged = target[: 2 * length * places].reshape(2 * length, places)
        _merge(runs[:, :places], runs[:, length * step :], merged, spare)
        runs, target, other = merged, other, target
    to_middle = (RUN - 1) * step
    places = runs.shape[1] - to_middle
    left, right = runs[:, :places], runs[::-1, to_middle:]
    pairs = spare[: RUN * places].reshape(RUN, places)
    medians: Floats = np.maximum.reduce(np.minimum(left, right, out=pairs), axis=0)
    above = np.minimum.reduce(np.maximum(left, right, out=pairs), axis=0)
    # These are the two in the middle of 32, where the window's own middle is twice: the median without one of them.
    np.copyto(medians, above, where=values[to_middle : to_middle + places] <= medians)
    return medians


def _merge(first: Floats, second: Floats, out: Floats, spare: Floats) -> None:
    """Two sorted runs (length, places) as one, into out (2 * length, places)."""
    length, places = first.shape
    np.minimum(first, second, out=out[:length])
    np.maximum(first, second, out=out[length:])
    apart = length // 2
    while apart:
        pairs = out[apart:-apart].reshape(-1, 2, apart, places)
        low, high = pairs[:, 0], pairs[:, 1]
        least = np.minimum(low, high, out=spare[: low.size].reshape(low.shape))
        np.maximum(low, high, out=high)
        low[:] = least
        apart //= 2

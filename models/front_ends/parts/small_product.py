"""Products of matrices that stay on the calling thread.

OpenBLAS starts threads of its own for larger ones, which then fight over the cores with the daemon's workers.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MOST_MULTIPLICATIONS: Final = 262_144  # up to here OpenBLAS does not (4 * 65,536, its SMP_THRESHOLD_MIN)
_BAND: Final = (
    12  # columns at once; fastest of 12..48 for musicnn's mels: 125 frames x 87 bins x 12 mels is one product
)


def small_product(left: Floats, right: Floats, out: Floats) -> None:
    """left (n, m) @ right (m, k) into out (n, k), as many rows at a time as stay small."""
    rows = max(1, _MOST_MULTIPLICATIONS // right.size)
    for start in range(0, len(left), rows):
        np.matmul(left[start : start + rows], right, out=out[start : start + rows])


class BandedProduct:
    """Products with a matrix whose columns are zero but for a run of rows that moves on from column to column.

    Neighbouring columns are taken together, each group with only the rows it sees: a third of the time of one product
    with the whole matrix of 96 mels.
    """

    def __init__(self, matrix: Floats) -> None:
        """matrix: float32 (m, k)."""
        self._bands = list(_bands(matrix))

    def into(self, left: Floats, out: Floats) -> None:
        """left (n, m) @ matrix into out (n, k), by small products alone."""
        for rows, columns, weights in self._bands:
            small_product(left[:, rows], weights, out=out[:, columns])


def _bands(matrix: Floats) -> Iterator[tuple[slice, slice, Floats]]:
    """The rows that a group of columns sees, the group, and their part of the matrix."""
    for first in range(0, matrix.shape[1], _BAND):
        part = matrix[:, first : first + _BAND]
        seen = np.flatnonzero(part.any(axis=1))
        rows = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 1)
        yield rows, slice(first, first + part.shape[1]), np.ascontiguousarray(part[rows])

"""Device memory for the features of blocks, one row a block, for as long as somebody holds the block.

A row of 2 s of musicnn's frames is 48 kB; a stream that is heard holds one between two of its windows. Rows are given
back when their block goes, so memory follows the streams and never a batch's whole storage for the sake of one of its
blocks.
"""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

_FIRST_ROWS = 64


class FeatureRow:
    """A block's place in the pool: what `HopBlock.features` holds. Given back when nobody refers to it."""

    __slots__ = ("_free", "carried_by", "index")

    def __init__(self, index: int, free: deque[int]) -> None:
        self.index, self._free = index, free
        self.carried_by: object = None  # who keeps, under the same index, what a window handed on

    def __del__(self) -> None:
        self._free.append(self.index)  # from any thread: a deque's append is atomic


class FeaturePool:
    """Rows of features and mean squares. Rows are taken and written in the computing lane only.

    A row that was given back may still be read by work that is under way: the next writer comes later in the same lane.
    """

    def __init__(self, frames: int, n_features: int, device: torch.device) -> None:
        self.features = torch.empty((_FIRST_ROWS, frames, n_features), dtype=torch.float32, device=device)
        self.mean_squares = torch.empty(_FIRST_ROWS, dtype=torch.float32, device=device)
        self._free: deque[int] = deque(range(_FIRST_ROWS))

    @property
    def rows(self) -> int:
        """Rows there is memory for."""
        return len(self.features)

    @property
    def rows_in_use(self) -> int:
        """Rows that a block holds."""
        return self.rows - len(self._free)

    def take(self, count: int) -> list[FeatureRow]:
        """`count` rows for new blocks; grows when there are too few."""
        while len(self._free) < count:
            self._grow()
        return [FeatureRow(self._free.popleft(), self._free) for _ in range(count)]

    def write(self, rows: Tensor, features: Tensor, mean_squares: Tensor) -> None:
        """float32 (n, frames, n_features) and (n,) into the rows int64 (n,)."""
        self.features.index_copy_(0, rows, features)
        self.mean_squares.index_copy_(0, rows, mean_squares)

    def _grow(self) -> None:
        old = self.rows
        self.features = with_rows(self.features, 2 * old)
        self.mean_squares = with_rows(self.mean_squares, 2 * old)
        self._free.extend(range(old, 2 * old))


def with_rows(tensor: Tensor, rows: int) -> Tensor:
    """A tensor of more rows that begins with `tensor`."""
    grown = torch.empty((rows, *tensor.shape[1:]), dtype=tensor.dtype, device=tensor.device)
    grown[: len(tensor)] = tensor
    return grown

"""The networks that score every window together, and what a window hands on to the next one of its stream.

A network with a carry computes the half that two windows share only once (`models.card.Carry`). What a window hands on
stays on the device, in the row of its last block. A window uses it when its stream's previous window was in an earlier
batch; within a batch, and at a stream's start, windows are computed whole, so that a batch is two runs at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from daemon.cuts import Window
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.feature_pool import FeatureRow, with_rows
from daemon.vocabulary import Merge


class Ensemble:
    """Networks with one front end; a window's scores are theirs, one after the other, `merge`d if that is given."""

    def __init__(self, networks: Sequence[BoundNetwork], merge: Merge | None, device: torch.device) -> None:
        self.networks, self.merge = tuple(networks), merge
        self._token = object()  # what rows are marked with: it keeps no network alive
        self._carries = {
            network: torch.empty((0, network.carry_size), dtype=torch.float32, device=device)
            for network in networks
            if network.carry_size is not None
        }

    def whole_first(self, windows: Sequence[Window]) -> tuple[list[int], int]:
        """The windows' places in the order in which they are to be scored, and how many have to be computed whole."""
        carried = [bool(self._carries) and self._has_carry(window) for window in windows]
        order = sorted(range(len(windows)), key=carried.__getitem__)
        return order, len(windows) - sum(carried)

    def scores(self, inputs: Tensor, window_rows: Tensor, n_whole: int, pool_rows: int) -> Tensor:
        """What they take, in the order of `whole_first` -> scores, float32 (windows, labels); in the computing lane.

        window_rows: int64 (windows, blocks), the blocks' rows in a pool of `pool_rows`.
        """
        return torch.cat(
            [self._scores_of(network, inputs, window_rows, n_whole, pool_rows) for network in self.networks],
            dim=1,
        )

    def note_carries(self, windows: Sequence[Window]) -> None:
        """The next batches may use what these windows have handed on; they have been enqueued."""
        if self._carries:
            for window in windows:
                if window.grid.blocks_per_window == 2:
                    window.blocks[1].features.carried_by = self._token

    def _has_carry(self, window: Window) -> bool:
        row = window.blocks[0].features
        return isinstance(row, FeatureRow) and row.carried_by is self._token

    def _scores_of(
        self, network: BoundNetwork, inputs: Tensor, window_rows: Tensor, n_whole: int, pool_rows: int
    ) -> Tensor:
        if network not in self._carries or window_rows.shape[1] != 2:
            return network.scores(inputs)
        carries = self._carries[network]
        if len(carries) < pool_rows:
            carries = self._carries[network] = with_rows(carries, pool_rows)
        older, newer = window_rows[:, 0], window_rows[:, 1]
        parts = []
        if n_whole:
            parts.append(network.scores_and_carries(inputs[:n_whole], None))
        if n_whole < len(window_rows):
            carried = carries.index_select(0, older[n_whole:])
            parts.append(network.scores_and_carries(inputs[n_whole:], carried))
        carries.index_copy_(0, newer, torch.cat([handed_on for _, handed_on in parts]))
        return torch.cat([scores for scores, _ in parts])

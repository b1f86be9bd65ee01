"""Medians over 31 neighbours in torch: the twin of `models.front_ends.parts.running_median`, with the same bits."""

import torch
from torch import Tensor

from models.front_ends.parts.running_median import RUN


def running_median(values: Tensor, dim: int) -> Tensor:
    """Over 31 entries along `dim`: (..., n, ...) -> (..., n - 30, ...). 32 times as much memory is at work."""
    values = values.movedim(dim, 0).contiguous()
    runs = values.unsqueeze(0)  # (length, places, ...)
    while len(runs) < RUN:
        runs = _merged(runs[:, : -len(runs)], runs[:, len(runs) :])
    left, right = runs[:, : 1 - RUN], runs[:, RUN - 1 :].flip(0)
    below = torch.minimum(left, right).amax(dim=0)
    above = torch.maximum(left, right).amin(dim=0)
    middle = values[RUN - 1 : 1 - RUN]
    return torch.where(middle <= below, above, below).movedim(0, dim)


def _merged(first: Tensor, second: Tensor) -> Tensor:
    """Two sorted runs (length, places, ...) as one."""
    merged = torch.cat([torch.minimum(first, second), torch.maximum(first, second)])
    apart = len(first) // 2
    while apart:
        pairs = merged[apart:-apart].view(-1, 2, apart, *merged.shape[1:])
        low, high = pairs[:, 0], pairs[:, 1]
        pairs.copy_(torch.stack([torch.minimum(low, high), torch.maximum(low, high)], dim=1))
        apart //= 2
    return merged

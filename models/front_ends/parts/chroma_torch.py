"""Chroma in torch: the twin of `chroma` beside this file."""

from typing import Final

import torch
from torch import Tensor

_TINY: Final = torch.finfo(torch.float32).tiny


def chroma(power: Tensor, filterbank: Tensor) -> Tensor:
    """Power (..., n_bins) -> (..., 12), each frame over its maximum; zeros where there is no power."""
    raw = power @ filterbank
    highest = raw.amax(dim=-1, keepdim=True)
    return torch.where(highest >= _TINY, raw / highest, 0)

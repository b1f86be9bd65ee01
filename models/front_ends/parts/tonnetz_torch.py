"""Tonal centroids in torch: the twin of `tonnetz` beside this file."""

from typing import Final

import torch
from torch import Tensor

_TINY: Final = torch.finfo(torch.float32).tiny


def tonnetz(chroma: Tensor, matrix: Tensor) -> Tensor:
    """Chroma (..., 12), not negative -> (..., 6); zeros where there is none."""
    total = chroma.sum(dim=-1, keepdim=True)
    return torch.where(total >= _TINY, chroma / total, 0) @ matrix

"""Power in decibels, in torch: the twin of `models.front_ends.parts.decibels`."""

import torch
from torch import Tensor

from models.front_ends.parts.decibels import DB_FLOOR


def decibels(power: Tensor) -> Tensor:
    """10*log10(max(power, 1e-10)), any shape."""
    return 10 * torch.log10(power.clamp_min(DB_FLOOR))

"""The part of a power spectrogram that lasts, in torch: the twin of `models.front_ends.parts.harmonic`."""

import torch
from torch import Tensor

from models.front_ends.parts.running_median_torch import running_median
from models.front_ends.spec import HARMONIC_REACH_FRAMES


def harmonic_power(power: Tensor) -> Tensor:
    """Power of n + 30 frames (n_blocks, n + 30, n_bins) -> the harmonic power of the n in the middle."""
    reach = HARMONIC_REACH_FRAMES
    lasting = running_median(power, 1)
    inner = power[:, reach:-reach]
    low, high = inner[..., :reach].flip(-1), inner[..., -reach:].flip(-1)
    striking = running_median(torch.cat([low, inner, high], dim=-1), 2)
    total = lasting + striking
    mask = torch.where(total >= torch.finfo(torch.float32).tiny, lasting / total, 0.5)
    return inner * mask.square()

"""Spectral contrast in torch: the twin of `models.front_ends.parts.spectral_contrast`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.front_ends.parts.spectral_contrast import CONTRAST_FLOOR, ContrastBand


def spectral_contrast(magnitudes: Tensor, bands: Sequence[ContrastBand]) -> Tensor:
    """float32 (..., n_bins) -> dB, float32 (..., 7). (Magnitudes are not divided by n_fft here.)"""
    valleys, peaks = [], []
    for band in bands:
        bins = magnitudes[..., band.bins]
        valleys.append(bins.topk(band.n_extreme, largest=False, sorted=False).values.mean(dim=-1))
        peaks.append(bins.topk(band.n_extreme, sorted=False).values.mean(dim=-1))
    extremes = torch.stack([torch.stack(valleys, dim=-1), torch.stack(peaks, dim=-1)]).clamp_min(CONTRAST_FLOOR)
    levels = 10 * torch.log10(extremes)
    return levels[1] - levels[0]

"""The tempo of windows in torch: the twin of `models.front_ends.parts.tempo`, in double precision too."""

from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from models.front_ends.parts.tempo import EMPHASIS, tempo_scale
from models.front_ends.spec import FrontEnd

# Of the runs that are correlated: what stays in a cache on a CPU, and keeps a GPU busy.
_NUMBERS_ON_CPU: Final = 1 << 18
_NUMBERS_ON_DEVICE: Final = 1 << 22


def tempo(onsets: Tensor, spec: FrontEnd) -> Tensor:
    """Onset strengths (n_windows, n_frames) -> beats a minute, float32 (n_windows,)."""
    window, bpm, log_prior, n_points = _scale_on(spec, onsets.device)
    numbers = _NUMBERS_ON_CPU if onsets.device.type == "cpu" else _NUMBERS_ON_DEVICE
    at_once = max(1, numbers // (onsets.shape[1] * len(window)))
    correlations = [_correlation(some.double(), window, n_points) for some in torch.split(onsets, at_once)]
    weighted = torch.log1p(EMPHASIS * torch.cat(correlations).clamp_min(0)) + log_prior
    return bpm[weighted.argmax(dim=1)].float()


def _correlation(onsets: Tensor, window: Tensor, n_points: int) -> Tensor:
    """(n, n_frames) -> the mean over all frames of the autocorrelation around each over its maximum, (n, n_lags)."""
    half = len(window) // 2
    ramp = torch.arange(half, device=onsets.device, dtype=onsets.dtype) / half
    around = torch.cat([ramp * onsets[:, :1], onsets, (ramp * onsets[:, -1:]).flip(1)], dim=1)
    runs = around.unfold(1, len(window), 1)[:, : onsets.shape[1]] * window
    energy = runs.square().sum(dim=2, keepdim=True)
    spectrum = torch.fft.rfft(runs, n_points)
    power = spectrum.real.square().add_(spectrum.imag.square())
    share = torch.where(energy >= torch.finfo(torch.float64).tiny, power / energy, 0)
    correlation: Tensor = torch.fft.irfft(share.mean(dim=1), n_points)
    return correlation[:, : len(window)]


@lru_cache(8)
def _scale_on(spec: FrontEnd, device: torch.device) -> tuple[Tensor, Tensor, Tensor, int]:
    """window, bpm, log_prior, n_points of `tempo_scale`, sent to the device once."""
    scale = tempo_scale(spec)
    window, bpm, log_prior = (
        torch.from_numpy(values).to(device) for values in (scale.window, scale.bpm, scale.log_prior)
    )
    return window, bpm, log_prior, scale.n_points

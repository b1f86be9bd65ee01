"""What can be done to log-mel windows (n, frames, mels) as if it had been done to their audio. Pure, on any device."""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from models.front_ends.parts.mel_filterbank import hz_to_mel, mel_to_hz
from models.front_ends.spec import FrontEnd, Scaling

_DB_FLOOR: Final = 1e-10


def stretched(windows: Tensor, speed: Tensor) -> Tensor:
    """Played at `speed` (n,) times the pace with the pitch unchanged; the middle stays, what is missing is mirrored."""
    frames = windows.shape[1]
    middle = (frames - 1) / 2
    at = middle + (torch.arange(frames, device=windows.device) - middle) * speed[:, None]
    at = at.abs()
    at = (frames - 1) - ((frames - 1) - at).abs()
    return _interpolated(windows, at.clamp(0, frames - 1))


def transposed(windows: Tensor, ratio: Tensor, front_end: FrontEnd) -> Tensor:
    """Every frequency times `ratio` (n,), at the same pace: what was heard at f / ratio is heard at f.

    Mels whose origin lies beyond the front end's range repeat the last one that is known.
    """
    edges = np.linspace(hz_to_mel(front_end.f_min_hz), hz_to_mel(front_end.f_max_hz), front_end.n_mels + 2)
    centres_hz = mel_to_hz(edges[1:-1])
    origins_hz = centres_hz / ratio.cpu().numpy()[:, np.newaxis]
    at = np.interp(origins_hz, centres_hz, np.arange(front_end.n_mels)).astype(np.float32)
    return _interpolated(windows.transpose(1, 2), torch.from_numpy(at).to(windows.device)).transpose(1, 2)


def louder(windows: Tensor, gain_db: Tensor, scaling: Scaling) -> Tensor:
    """`gain_db` (n,) louder."""
    return log_of(power_of(windows, scaling) * (10 ** (gain_db / 10))[:, None, None], scaling)


def noisy(windows: Tensor, snr_db: Tensor, noise: Tensor, scaling: Scaling) -> Tensor:
    """With white noise at `snr_db` (n,) below the window's mean power.

    noise: (n, frames, mels), exponentially distributed with mean 1, as the power of Gaussian noise is in one bin of a
    spectrum. Mels of equal area hear white noise equally.
    """
    power = power_of(windows, scaling)
    level = power.mean(dim=(1, 2)) * 10 ** (-snr_db / 10)
    return log_of(power + noise * level[:, None, None], scaling)


def masked(windows: Tensor, hidden: Tensor) -> Tensor:
    """The `hidden` cells (bool, as windows) at their window's mean: SpecAugment (D. S. Park et al., 2019)."""
    return torch.where(hidden, windows.mean(dim=(1, 2), keepdim=True), windows)


def power_of(windows: Tensor, scaling: Scaling) -> Tensor:
    """Log-mel -> mel power."""
    return 10 ** (windows / 10) if scaling == "db" else (10**windows - 1) / 10_000


def log_of(power: Tensor, scaling: Scaling) -> Tensor:
    """Mel power -> log-mel, as `models.front_ends.kinds.log_mel` scales it."""
    if scaling == "db":
        return 10 * torch.log10(power.clamp_min(_DB_FLOOR))
    return torch.log10(10_000 * power + 1)


def _interpolated(windows: Tensor, at: Tensor) -> Tensor:
    """(n, rows, columns) read at fractional rows `at` (n, rows), linearly."""
    low = at.floor().clamp(0, max(0, windows.shape[1] - 2))
    weight = (at - low)[:, :, None]
    index = low.long()[:, :, None].expand(-1, -1, windows.shape[2])
    high = (index + 1).clamp_max(windows.shape[1] - 1)
    return torch.lerp(windows.gather(1, index), windows.gather(1, high), weight)

"""What can be done to windows of samples (n, rows, samples of a row). Pure, on any device."""

from torch import Tensor


def louder(windows: Tensor, gain_db: Tensor) -> Tensor:
    """`gain_db` (n,) louder; nothing is clipped."""
    return windows * (10 ** (gain_db / 20))[:, None, None]


def noisy(windows: Tensor, snr_db: Tensor, noise: Tensor) -> Tensor:
    """With `noise` (as windows; of mean square 1) at `snr_db` (n,) below the window's mean power."""
    level = windows.square().mean(dim=(1, 2)).sqrt() * 10 ** (-snr_db / 20)
    return windows + noise * level[:, None, None]

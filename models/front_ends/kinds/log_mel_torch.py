"""The log-mel front end on any torch device: the twin of `models.front_ends.kinds.log_mel`, equal to 1e-4.

The filter bank and the window come from the same functions; only the FFT is another.
"""

import torch
from torch import Tensor, nn

from models.front_ends.parts.decibels_torch import decibels
from models.front_ends.parts.mel_filterbank import mel_filterbank, periodic_hann
from models.front_ends.parts.power_spectrum_torch import power_spectrum
from models.front_ends.spec import FrontEnd


class TorchLogMel(nn.Module):
    """Samples -> log-mel frames, by `spec`, on the device the module was moved to."""

    window: Tensor
    filterbank: Tensor

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("window", torch.from_numpy(periodic_hann(spec.n_fft)), persistent=False)
        self.register_buffer("filterbank", torch.from_numpy(mel_filterbank(spec)), persistent=False)

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `LogMel.frames_of`: float32 (n_blocks, n_samples) -> float32 (n_blocks, n_frames, n_mels).

        Nothing is padded. ValueError for another dtype or rank, or fewer than n_fft samples.
        """
        power = power_spectrum(samples, self.window, self.spec)
        return self._scaled(power @ self.filterbank)

    def _scaled(self, power: Tensor) -> Tensor:
        """Mel power -> its logarithm."""
        if self.spec.scaling == "db":
            return decibels(power)
        return torch.log10(10_000 * power + 1)

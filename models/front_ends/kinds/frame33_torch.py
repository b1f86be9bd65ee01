"""The 33 figures of a frame in torch: the twin of `models.front_ends.kinds.frame33`."""

import torch
from torch import Tensor, nn

from models.front_ends.kinds.frame33 import spectral_moments
from models.front_ends.parts.chroma import chroma_filterbank
from models.front_ends.parts.chroma_torch import chroma
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.decibels_torch import decibels
from models.front_ends.parts.mel_filterbank import mel_filterbank, periodic_hann
from models.front_ends.parts.power_spectrum_torch import power_spectrum
from models.front_ends.parts.spectral_contrast import contrast_bands
from models.front_ends.parts.spectral_contrast_torch import spectral_contrast
from models.front_ends.spec import FrontEnd


class TorchFrameFeatures(nn.Module):
    """Samples -> frames of MFCC, centroid, chroma and contrast, by `spec`, on the device the module was moved to."""

    window: Tensor
    filterbank: Tensor
    dct: Tensor
    chroma_matrix: Tensor
    moments: Tensor

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec
        self._contrast = contrast_bands(spec)
        for name, values in (
            ("window", periodic_hann(spec.n_fft)),
            ("filterbank", mel_filterbank(spec)),
            ("dct", dct_matrix(spec.n_mels, spec.n_mfcc)),
            ("chroma_matrix", chroma_filterbank(spec)),
            ("moments", spectral_moments(spec)),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `FrameFeatures.frames_of`: float32 (n_blocks, n_samples) -> float32 (n_blocks, n_frames, n_features)."""
        power = power_spectrum(samples, self.window, self.spec)
        magnitudes = power.sqrt()
        mfcc = decibels(power @ self.filterbank) @ self.dct
        contrast = spectral_contrast(magnitudes, self._contrast)
        return torch.cat([mfcc, self._centroid(magnitudes), chroma(power, self.chroma_matrix), contrast], dim=-1)

    def _centroid(self, magnitudes: Tensor) -> Tensor:
        """(..., n_bins) -> in Hz (..., 1); 0 in silence."""
        weighted, total = torch.split(magnitudes @ self.moments, 1, dim=-1)
        return torch.where(total >= torch.finfo(torch.float32).tiny, weighted / total * 1000, 0)

"""The frames of the 174 figures of a track in torch: the twin of `models.front_ends.kinds.track174`."""

from typing import Final

import torch
from torch import Tensor, nn

from models.front_ends.parts.chroma import chroma_filterbank
from models.front_ends.parts.chroma_torch import chroma
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.decibels_torch import decibels
from models.front_ends.parts.harmonic_torch import harmonic_power
from models.front_ends.parts.mel_filterbank import mel_filterbank, periodic_hann
from models.front_ends.parts.power_spectrum_torch import power_spectrum
from models.front_ends.parts.spectral_contrast import contrast_bands
from models.front_ends.parts.spectral_contrast_torch import spectral_contrast
from models.front_ends.parts.tonnetz import tonnetz_matrix
from models.front_ends.parts.tonnetz_torch import tonnetz
from models.front_ends.spec import FrontEnd

_SAMPLES_AT_ONCE: Final = 1 << 20  # the medians want some 250 bytes a sample


class TorchTrackFeatures(nn.Module):
    """Samples -> the frames of `track174`, by `spec`, on the device the module was moved to."""

    window: Tensor
    filterbank: Tensor
    dct: Tensor
    chroma_matrix: Tensor
    tonnetz_matrix: Tensor

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec
        self._contrast = contrast_bands(spec)
        for name, values in (
            ("window", periodic_hann(spec.n_fft)),
            ("filterbank", mel_filterbank(spec)),
            ("dct", dct_matrix(spec.n_mels, spec.n_mfcc)),
            ("chroma_matrix", chroma_filterbank(spec)),
            ("tonnetz_matrix", tonnetz_matrix()),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `TrackFeatures.frames_of`: float32 (n_blocks, n_samples) -> float32 (n_blocks, n_frames, n_features)."""
        at_once = max(1, _SAMPLES_AT_ONCE // max(1, samples.shape[-1])) if samples.ndim == 2 else 1
        return torch.cat([self._frames_of(some) for some in torch.split(samples, at_once)])

    def _frames_of(self, samples: Tensor) -> Tensor:
        power = power_spectrum(samples, self.window, self.spec)
        reach = self.spec.reach_frames
        inner = power[:, reach:-reach]
        mels = power[:, reach - 1 : -reach] @ self.filterbank
        mels_db = decibels(mels)
        onset = mels_db.diff(dim=1).clamp_min(0).mean(dim=-1, keepdim=True)
        lasting = chroma(harmonic_power(power), self.chroma_matrix)
        columns = [
            onset,
            mels_db[:, 1:] @ self.dct,
            chroma(inner, self.chroma_matrix),
            spectral_contrast(inner.sqrt(), self._contrast),
            tonnetz(lasting, self.tonnetz_matrix),
            mels[:, 1:],
        ]
        return torch.cat(columns, dim=-1)

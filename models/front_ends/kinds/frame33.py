"""The 33 figures of a frame (with 13 MFCC) on a CPU: MFCC, spectral centroid, chroma, spectral contrast."""

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.log_mel import mel_product
from models.front_ends.parts.chroma import chroma, chroma_filterbank
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.decibels import decibels
from models.front_ends.parts.power_spectrum import PowerSpectrum, checked_blocks
from models.front_ends.parts.small_product import small_product
from models.front_ends.parts.spectral_contrast import SpectralContrast
from models.front_ends.spec import N_CHROMA, N_CONTRAST, FrontEnd

Floats = npt.NDArray[np.float32]


class FrameFeatures:
    """Samples -> frames of MFCC, centroid, chroma and contrast, by `spec`. Keeps its buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self._spectrum = PowerSpectrum(spec)
        self._mels, self._dct = mel_product(spec), dct_matrix(spec.n_mels, spec.n_mfcc)
        self._chroma = chroma_filterbank(spec)
        self._contrast = SpectralContrast(spec)
        self._moments = spectral_moments(spec)

    def frames_of(self, samples: Floats) -> Floats:
        """As `LogMel.frames_of`, but float32 (n_blocks, n_frames, n_mfcc + 20)."""
        samples, n_frames = checked_blocks(samples, self.spec)
        out = np.empty((len(samples), n_frames, self.spec.n_features), np.float32)
        for block, frames in zip(samples, out, strict=True):
            for some, power in self._spectrum.passes(block, n_frames):
                self._features(power, frames[some])
        return out

    def _features(self, power: Floats, out: Floats) -> None:
        """(n, n_bins) over n_fft**2 -> out (n, n_features); the power is used up."""
        n_mfcc = self.spec.n_mfcc
        mels = np.empty((len(power), self.spec.n_mels), np.float32)
        self._mels.into(power, mels)
        small_product(decibels(mels), self._dct, out=out[:, :n_mfcc])
        chroma(power, self._chroma, out=out[:, n_mfcc + 1 : n_mfcc + 1 + N_CHROMA])
        magnitudes = np.sqrt(power, out=power)
        out[:, n_mfcc] = _centroid(magnitudes, self._moments)
        self._contrast.into(magnitudes, out[:, -N_CONTRAST:])


def spectral_moments(spec: FrontEnd) -> Floats:
    """Magnitudes -> their sum weighted with the frequency in kHz, and their sum: float32 (n_bins, 2)."""
    bins_khz = np.arange(spec.n_bins) * spec.sample_rate_hz / spec.n_fft / 1000
    return np.stack([bins_khz, np.ones(spec.n_bins)], axis=1).astype(np.float32)


def _centroid(magnitudes: Floats, moments: Floats) -> Floats:
    """(n, n_bins) -> in Hz (n,); 0 in silence."""
    sums = np.empty((len(magnitudes), 2), np.float32)
    small_product(magnitudes, moments, out=sums)
    audible = sums[:, 1] >= np.finfo(np.float32).tiny
    centroid = np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums), np.float32), where=audible)
    return centroid * np.float32(1000)

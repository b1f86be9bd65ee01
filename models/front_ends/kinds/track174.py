"""The frames of the 174 figures of a track on a CPU: onset strength, MFCC, chroma, contrast, tonnetz, mel power.

Those that need a frame's neighbours (onset strength, what is harmonic) find them in the block's margins.
"""

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.log_mel import mel_product
from models.front_ends.parts.chroma import chroma, chroma_filterbank
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.decibels import decibels
from models.front_ends.parts.harmonic import harmonic_power
from models.front_ends.parts.onset import onset_strength
from models.front_ends.parts.power_spectrum import PowerSpectrum, checked_blocks
from models.front_ends.parts.small_product import small_product
from models.front_ends.parts.spectral_contrast import SpectralContrast
from models.front_ends.parts.tonnetz import tonnetz, tonnetz_matrix
from models.front_ends.spec import N_CHROMA, N_CONTRAST, N_TONNETZ, FrontEnd

Floats = npt.NDArray[np.float32]


class TrackFeatures:
    """Samples -> the frames of `track174`, by `spec`. Keeps its work buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self._spectrum = PowerSpectrum(spec)
        self._mels, self._dct = mel_product(spec), dct_matrix(spec.n_mels, spec.n_mfcc)
        self._chroma, self._tonnetz = chroma_filterbank(spec), tonnetz_matrix()
        self._contrast = SpectralContrast(spec)

    def frames_of(self, samples: Floats) -> Floats:
        """As `LogMel.frames_of`, but float32 (n_blocks, n_frames, n_features), of samples that have 15 frames more at
        either end, which have none of their own in what comes back."""
        spec = self.spec
        samples, n_spectra = checked_blocks(samples, spec)
        reach = spec.reach_frames
        out = np.empty((len(samples), n_spectra - 2 * reach, spec.n_features), np.float32)
        power = np.empty((n_spectra, spec.n_bins), np.float32)
        mels = np.empty((n_spectra, spec.n_mels), np.float32)
        inner = slice(reach, n_spectra - reach)
        for block, frames in zip(samples, out, strict=True):
            for some, of_pass in self._spectrum.passes(block, n_spectra):
                power[some] = of_pass
                self._mels.into(of_pass, mels[some])
            frames[:, -spec.n_mels :] = mels[inner]
            self._of_mels(decibels(mels[reach - 1 : n_spectra - reach]), frames)
            self._of_spectra(power, power[inner], frames)
        return out

    def _of_mels(self, mels_db: Floats, out: Floats) -> None:
        """(n + 1, n_mels) -> onset strength and MFCC of all but the first."""
        out[:, 0] = onset_strength(mels_db)
        small_product(mels_db[1:], self._dct, out=out[:, 1 : 1 + self.spec.n_mfcc])

    def _of_spectra(self, power: Floats, inner: Floats, out: Floats) -> None:
        """The power with its margins (n + 30, n_bins), and without -> chroma, contrast and tonnetz."""
        first = 1 + self.spec.n_mfcc
        contrast = first + N_CHROMA
        tonal = contrast + N_CONTRAST
        chroma(inner, self._chroma, out=out[:, first:contrast])
        self._contrast.into(np.sqrt(inner), out[:, contrast:tonal])
        lasting = np.empty((len(out), N_CHROMA), np.float32)
        chroma(harmonic_power(power), self._chroma, out=lasting)
        tonnetz(lasting, self._tonnetz, out=out[:, tonal : tonal + N_TONNETZ])

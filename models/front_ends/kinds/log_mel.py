"""The log-mel front end on a CPU, in numpy alone."""

import numpy as np
import numpy.typing as npt

from models.front_ends.parts.decibels import decibels
from models.front_ends.parts.mel_filterbank import mel_filterbank
from models.front_ends.parts.power_spectrum import PowerSpectrum, checked_blocks
from models.front_ends.parts.small_product import BandedProduct
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]


class LogMel:
    """Samples -> log-mel frames, by `spec`. Keeps its work buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self._spectrum = PowerSpectrum(spec)
        self._mels = mel_product(spec)

    def frames_of(self, samples: Floats) -> Floats:
        """Frames of blocks whose margins are already there; nothing is padded.

        samples: float32 (n_blocks, n_samples). Frame i covers samples [i*frame_hop, i*frame_hop + n_fft); what
        is left over at the end is not used. Returns float32 (n_blocks, 1 + (n_samples - n_fft)//frame_hop,
        n_mels). A block's frames are the same bits whichever blocks come with it. ValueError for another dtype
        or rank, or fewer than n_fft samples.
        """
        samples, n_frames = checked_blocks(samples, self.spec)
        out = np.empty((len(samples), n_frames, self.spec.n_mels), np.float32)
        for block, mels in zip(samples, out, strict=True):
            for some, power in self._spectrum.passes(block, n_frames):
                self._mels.into(power, mels[some])
        return _scaled(out, self.spec)


def mel_product(spec: FrontEnd) -> BandedProduct:
    """A pass of `PowerSpectrum` -> mel power, (n, n_bins) -> (n, n_mels)."""
    return BandedProduct(mel_filterbank(spec) * np.float32(spec.n_fft**2))  # undoes norm="forward", squared


def _scaled(power: Floats, spec: FrontEnd) -> Floats:
    """Mel power -> its logarithm, in place."""
    if spec.scaling == "db":
        return decibels(power)
    np.multiply(power, np.float32(10_000), out=power)
    np.add(power, np.float32(1), out=power)
    return np.log10(power, out=power)

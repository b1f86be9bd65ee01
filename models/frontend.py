"""The log-mel front end on a CPU, in numpy alone.

numpy's FFT, not scipy's: importing scipy.fft costs 0.6 s and 28 MB, and numpy's is the faster one if asked
rightly. With its default norm it computes float32 in double (its factor 1 is a Python int); norm="forward" makes
that factor a float32 and picks the native loop, 0.08 ms instead of 0.12-0.5 ms for 125 frames. The 1/n_fft that
comes with it is undone in the filter bank. The bank is applied in bands, because a mel sees only the bins under its
triangle: a third of the time of one product with the whole matrix, and every product is so small that OpenBLAS
keeps it on the calling thread.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.frontend_spec import FrontEnd
from models.mel_filterbank import mel_filterbank, periodic_hann

Floats = npt.NDArray[np.float32]

_PASS_FRAMES: Final = 125  # frames transformed at once: the buffers stay within a second-level cache
_BAND_MELS: Final = 12  # fastest of 12..48; 125 frames x 87 bins x 12 mels stays under OpenBLAS' threading limit
_DB_FLOOR: Final = 1e-10


@dataclass(frozen=True, slots=True)
class _Band:
    """A run of neighbouring mels and the bins under them."""

    bins: slice
    mels: slice
    weights: Floats


class LogMel:
    """Samples -> log-mel frames, by `spec`. Keeps its work buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self._window = periodic_hann(spec.n_fft)
        self._bands = _bands(mel_filterbank(spec) * np.float32(spec.n_fft**2))  # undoes norm="forward", squared
        self._windowed = np.empty((_PASS_FRAMES, spec.n_fft), np.float32)
        self._spectrum = np.empty((_PASS_FRAMES, spec.n_bins), np.complex64)
        self._power = np.empty((_PASS_FRAMES, spec.n_bins), np.float32)
        self._imaginary = np.empty((_PASS_FRAMES, spec.n_bins), np.float32)

    def frames_of(self, samples: Floats) -> Floats:
        """Frames of blocks whose margins are already there; nothing is padded.

        samples: float32 (n_blocks, n_samples). Frame i covers samples [i*frame_hop, i*frame_hop + n_fft); what
        is left over at the end is not used. Returns float32 (n_blocks, 1 + (n_samples - n_fft)//frame_hop,
        n_mels). A block's frames are the same bits whichever blocks come with it. ValueError for another dtype
        or rank, or fewer than n_fft samples.
        """
        spec = self.spec
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[1] < spec.n_fft:
            raise ValueError(
                f"front end: expected float32 (blocks, at least {spec.n_fft} samples), "
                f"not {samples.dtype} {samples.shape}"
            )
        samples = np.ascontiguousarray(samples)
        n_frames = 1 + (samples.shape[1] - spec.n_fft) // spec.frame_hop
        out = np.empty((len(samples), n_frames, spec.n_mels), np.float32)
        for block, mels in zip(samples, out, strict=True):
            overlapping = np.lib.stride_tricks.as_strided(
                block, (n_frames, spec.n_fft), (spec.frame_hop * block.itemsize, block.itemsize), writeable=False
            )
            for start in range(0, n_frames, _PASS_FRAMES):
                self._mel_power(overlapping[start : start + _PASS_FRAMES], mels[start : start + _PASS_FRAMES])
        return _scaled(out, spec)

    def whole(self, samples: Floats) -> Floats:
        """All centred frames of a recording, zeros beyond its ends (librosa: center=True, pad_mode="constant").

        samples: float32 (n_samples,), n_samples >= 0. Returns float32 (1 + n_samples//frame_hop, n_mels).
        """
        if samples.ndim != 1:
            raise ValueError(f"front end: expected one channel (n_samples,), not {samples.shape}")
        padded = np.pad(samples, self.spec.n_fft // 2)
        frames: Floats = self.frames_of(padded[np.newaxis])[0]
        return frames

    def _mel_power(self, overlapping: Floats, out: Floats) -> None:
        """(n, n_fft) samples -> the mel power of each frame into out (n, n_mels), n <= _PASS_FRAMES."""
        n = len(overlapping)
        power, imaginary = self._power[:n], self._imaginary[:n]
        windowed = np.multiply(overlapping, self._window, out=self._windowed[:n])
        # norm="forward" for speed, see above; numpy's annotation of `out` knows only complex128
        spectrum = np.fft.rfft(windowed, norm="forward", out=self._spectrum[:n])  # type: ignore[arg-type]
        np.square(spectrum.real, out=power)
        np.square(spectrum.imag, out=imaginary)
        power += imaginary
        for band in self._bands:
            np.matmul(power[:, band.bins], band.weights, out=out[:, band.mels])


def _scaled(power: Floats, spec: FrontEnd) -> Floats:
    """Mel power -> its logarithm, in place."""
    if spec.scaling == "db":
        np.maximum(power, np.float32(_DB_FLOOR), out=power)
        np.log10(power, out=power)
        return np.multiply(power, np.float32(10), out=power)
    np.multiply(power, np.float32(10_000), out=power)
    np.add(power, np.float32(1), out=power)
    return np.log10(power, out=power)


def _bands(filterbank: Floats) -> list[_Band]:
    """Cut (n_bins, n_mels) into groups of neighbouring mels, each with only the bins it sees."""
    bands = []
    for first in range(0, filterbank.shape[1], _BAND_MELS):
        columns = filterbank[:, first : first + _BAND_MELS]
        seen = np.flatnonzero(columns.any(axis=1))
        bins = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 1)
        mels = slice(first, first + columns.shape[1])
        bands.append(_Band(bins, mels, np.ascontiguousarray(columns[bins])))
    return bands

"""The power spectra of a block's frames on a CPU, in numpy alone: where every kind of front end but one begins.

numpy's FFT, not scipy's: importing scipy.fft costs 0.6 s and 28 MB, and numpy's is the faster one if asked
rightly. With its default norm it computes float32 in double (its factor 1 is a Python int); norm="forward" makes
that factor a float32 and picks the native loop, 0.08 ms instead of 0.12-0.5 ms for 125 frames. The 1/n_fft that
comes with it stays in the power, squared: whoever takes it undoes it in a filter bank, or does not mind.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.block_check import check_blocks
from models.front_ends.parts.mel_filterbank import periodic_hann
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]

_PASS_FRAMES: Final = 125  # frames transformed at once: the buffers stay within a second-level cache


def checked_blocks(samples: Floats, spec: FrontEnd) -> tuple[Floats, int]:
    """Blocks (n_blocks, n_samples) in one piece of memory, and how many spectra each has, margins included.

    ValueError for another dtype or rank than float32 (n_blocks, n_samples), or too few samples for one frame.
    """
    check_blocks(samples.dtype, samples.shape, spec)
    return np.ascontiguousarray(samples), 1 + (samples.shape[1] - spec.n_fft) // spec.frame_hop


class PowerSpectrum:
    """Keeps its work buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self._spec = spec
        self._window = periodic_hann(spec.n_fft)
        self._windowed = np.empty((_PASS_FRAMES, spec.n_fft), np.float32)
        self._spectrum = np.empty((_PASS_FRAMES, spec.n_bins), np.complex64)
        self._power = np.empty((_PASS_FRAMES, spec.n_bins), np.float32)
        self._imaginary = np.empty((_PASS_FRAMES, spec.n_bins), np.float32)

    def passes(self, block: Floats, n_frames: int) -> Iterator[tuple[slice, Floats]]:
        """float32 (n_samples,) -> which frames, and their power over n_fft**2, float32 (at most 125, n_bins).

        Frame i covers samples [i*frame_hop, i*frame_hop + n_fft). The power is overwritten by the next pass.
        """
        spec = self._spec
        overlapping = np.lib.stride_tricks.as_strided(
            block, (n_frames, spec.n_fft), (spec.frame_hop * block.itemsize, block.itemsize), writeable=False
        )
        for start in range(0, n_frames, _PASS_FRAMES):
            some = overlapping[start : start + _PASS_FRAMES]
            yield slice(start, start + len(some)), self._power_of(some)

    def _power_of(self, overlapping: Floats) -> Floats:
        """(n, n_fft) samples -> (n, n_bins), n <= 125."""
        n = len(overlapping)
        power, imaginary = self._power[:n], self._imaginary[:n]
        windowed = np.multiply(overlapping, self._window, out=self._windowed[:n])
        # norm="forward" for speed, see above; numpy's annotation of `out` knows only complex128
        spectrum = np.fft.rfft(windowed, norm="forward", out=self._spectrum[:n])  # type: ignore[arg-type]
        np.square(spectrum.real, out=power)
        np.square(spectrum.imag, out=imaginary)
        power += imaginary
        return power

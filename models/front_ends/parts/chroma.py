"""Chroma: how much of a frame's power is in each of the twelve pitch classes, whatever the octave.

Pitches are those of A at 440 Hz; librosa estimates the tuning of each clip instead, for which a clip must be known to
its end.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.parts.small_product import small_product
from models.front_ends.spec import N_CHROMA, FrontEnd

Floats = npt.NDArray[np.float32]

_A0_HZ: Final = 27.5
_CENTRE_OCTAVES: Final = 5.0  # above A0: 880 Hz, where a partial counts most
_WIDTH_OCTAVES: Final = 2.0
_FROM_A_TO_C: Final = 3


def chroma_filterbank(spec: FrontEnd) -> Floats:
    """Power spectrum -> chroma, C first: float32 (n_fft//2 + 1, 12), to be multiplied from the right.

    A bin belongs to pitch classes by a Gaussian as wide as the bin (a semitone at least), and counts less the further
    it is from 880 Hz. Source: D. P. W. Ellis, Chroma feature analysis and synthesis, 2007, as in librosa.filters.chroma
    with tuning=0.
    """
    bins_hz = np.arange(1, spec.n_bins + 1) * spec.sample_rate_hz / spec.n_fft  # one more than is asked for
    semitones = N_CHROMA * np.log2(bins_hz / _A0_HZ)
    semitones = np.concatenate([[semitones[0] - 1.5 * N_CHROMA], semitones])  # 0 Hz: somewhere below
    widths = np.maximum(np.diff(semitones), 1.0)[:, np.newaxis]
    semitones = semitones[:-1, np.newaxis]
    half = N_CHROMA / 2
    away = np.remainder(semitones - np.arange(N_CHROMA) + half, N_CHROMA) - half
    weights = np.exp(-0.5 * (2 * away / widths) ** 2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    weights *= np.exp(-0.5 * ((semitones / N_CHROMA - _CENTRE_OCTAVES) / _WIDTH_OCTAVES) ** 2)
    filterbank: Floats = np.roll(weights, -_FROM_A_TO_C, axis=1).astype(np.float32)
    return filterbank


def chroma(power: Floats, filterbank: Floats, out: Floats) -> None:
    """Power (n, n_bins) -> out (n, 12), each frame over its maximum; zeros where there is no power."""
    small_product(power, filterbank, out=out)
    highest = out.max(axis=1, keepdims=True)
    np.divide(out, highest, out=out, where=highest >= np.finfo(np.float32).tiny)

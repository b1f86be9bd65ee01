"""The part of a power spectrogram that lasts, without what strikes: D. FitzGerald, Harmonic/percussive separation using
median filtering, 2010, with the soft mask of librosa.decompose.hpss (power 2, 31 frames and 31 bins).

librosa filters magnitudes and mirrors time at a clip's ends; here they are powers, of which the median is the square of
the magnitudes' one, and a block's neighbours are the real ones.
"""

import numpy as np
import numpy.typing as npt

from models.front_ends.parts.running_median import running_median
from models.front_ends.spec import HARMONIC_REACH_FRAMES

Floats = npt.NDArray[np.float32]


def harmonic_power(power: Floats) -> Floats:
    """Power of n + 30 frames (n + 30, n_bins) -> the harmonic power of the n in the middle, float32 (n, n_bins)."""
    reach = HARMONIC_REACH_FRAMES
    lasting = running_median(power)
    inner = power[reach : len(power) - reach]
    mirrored = np.pad(inner, ((0, 0), (reach, reach)), mode="symmetric")
    striking = running_median(np.ascontiguousarray(mirrored.T)).T
    total = lasting + striking
    mask = np.divide(lasting, total, out=np.full_like(total, 0.5), where=total >= np.finfo(np.float32).tiny)
    harmonic: Floats = inner * mask * mask  # the mask is one of magnitudes
    return harmonic

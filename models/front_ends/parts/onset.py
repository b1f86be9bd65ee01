"""Onset strength: how much louder a frame is than the one before it.

The spectral flux of S. Böck, G. Widmer, Maximum filter vibrato suppression for onset detection, 2013, without its
filter, as in librosa.onset.onset_strength, which delays it by half a window.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def onset_strength(mels_db: Floats) -> Floats:
    """Mels in dB of n + 1 frames (n + 1, n_mels) -> the mean rise of the mels that rise, float32 (n,), of all but the
    first."""
    rise = np.diff(mels_db, axis=0)
    strength: Floats = np.maximum(rise, 0, out=rise).mean(axis=1)
    return strength

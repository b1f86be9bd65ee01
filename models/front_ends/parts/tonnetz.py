"""Tonal centroids: where a frame's chroma lies on the circles of fifths, minor thirds and major thirds.

Source: C. Harte, M. Sandler, M. Gasser, Detecting harmonic change in musical audio, 2006.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.spec import N_CHROMA

Floats = npt.NDArray[np.float32]

_CIRCLES: Final = ((7 / 6, 1.0), (3 / 2, 1.0), (2 / 3, 0.5))  # half turns a semitone, radius


def tonnetz_matrix() -> Floats:
    """Chroma that add up to 1 -> their centroids, float32 (12, 6), to be multiplied from the right."""
    semitones = np.arange(N_CHROMA)
    columns = [
        radius * wave(np.pi * half_turns * semitones) for half_turns, radius in _CIRCLES for wave in (np.sin, np.cos)
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def tonnetz(chroma: Floats, matrix: Floats, out: Floats) -> None:
    """Chroma (n, 12), not negative -> out (n, 6); zeros where there is none."""
    total = chroma.sum(axis=1, keepdims=True)
    share = np.divide(chroma, total, out=np.zeros_like(chroma), where=total >= np.finfo(np.float32).tiny)
    np.matmul(share, matrix, out=out)

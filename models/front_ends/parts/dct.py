"""The cosine transform that makes MFCC of mels in dB."""

import numpy as np
import numpy.typing as npt


def dct_matrix(n_in: int, n_out: int) -> npt.NDArray[np.float32]:
    """The first `n_out` coefficients of the orthonormal DCT-II, float32 (n_in, n_out), to be multiplied from the right.

    Source: N. Ahmed, T. Natarajan, K. R. Rao, Discrete Cosine Transform, 1974; scaled as in librosa and scipy
    (norm="ortho").
    """
    places = (2 * np.arange(n_in) + 1)[:, np.newaxis]
    matrix = np.sqrt(2 / n_in) * np.cos(np.pi * places * np.arange(n_out) / (2 * n_in))
    matrix[:, 0] = np.sqrt(1 / n_in)
    floats: npt.NDArray[np.float32] = matrix.astype(np.float32)
    return floats

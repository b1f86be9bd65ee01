"""A window's mels as a picture of 224 x 224 for networks that were made for photographs, on a CPU."""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.parts.small_product import BandedProduct
from models.front_ends.spec import PICTURE_CHANNELS, PICTURE_SIZE

Floats = npt.NDArray[np.float32]

PICTURE_RANGE_DB: Final = 80.0


def stretching_matrix(n_in: int, n_out: int) -> Floats:
    """Linear interpolation between the middles of pixels, float32 (n_in, n_out), to be multiplied from the right.

    Where it shrinks, a pixel is the mean of what it covers and of half as much on either side, weighted with a
    triangle: as torch's and PIL's bilinear resizing with antialiasing.
    """
    ratio = n_in / n_out
    centres = (np.arange(n_out) + 0.5) * ratio
    middles = (np.arange(n_in) + 0.5)[:, np.newaxis]
    weights = np.maximum(0, 1 - np.abs(middles - centres) / max(ratio, 1.0))
    matrix: Floats = (weights / weights.sum(axis=0)).astype(np.float32)
    return matrix


def mel_pictures(windows: Floats) -> Floats:
    """Mels in dB, float32 (n, n_frames, n_mels) -> 0..1, float32 (n, 3, 224, 224): high mels on top, time to the right.

    1 is the window's maximum, 0 is 80 dB below it and less.
    """
    _, n_frames, n_mels = windows.shape
    of_mels, of_frames = _stretching(n_mels), _stretching(n_frames)
    pictures = np.empty((len(windows), PICTURE_CHANNELS, PICTURE_SIZE, PICTURE_SIZE), np.float32)
    wide = np.empty((n_mels, PICTURE_SIZE), np.float32)
    high = np.empty((PICTURE_SIZE, PICTURE_SIZE), np.float32)
    for window, picture in zip(windows, pictures, strict=True):
        shade = (window - window.max()) * np.float32(1 / PICTURE_RANGE_DB) + np.float32(1)
        np.maximum(shade, 0, out=shade)
        of_frames.into(shade.T, wide)
        of_mels.into(wide.T, high)
        picture[:] = high.T[::-1]
    return pictures


@lru_cache(8)
def _stretching(n_in: int) -> BandedProduct:
    return BandedProduct(stretching_matrix(n_in, PICTURE_SIZE))

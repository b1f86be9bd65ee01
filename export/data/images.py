"""Ready-made spectrogram pictures in place of audio: their tags, and their pixels as what a front end would give.

A picture's columns are frames (one a pixel), its rows frequencies (low ones at the bottom), its brightness decibels.
"""

from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from export.data.features import Blocks
from export.data.media import check_heard
from export.data.recipe import Recipe
from export.errors import InputUnusable

Floats = npt.NDArray[np.float32]

_BLACK_DB: Final = -80.0
_WIDE: Final = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # modes of 16 bits a pixel
_MOST_PIXELS: Final = 100_000_000


class UnreadablePicture(InputUnusable):
    """A file that is missing, damaged, or no picture; the message begins with its path."""


def tags_beside(path: Path) -> tuple[str, ...]:
    """The space-separated words of the text file beside a picture; LookupError with the reason when there is none."""
    beside = path.with_suffix(".txt")
    try:
        tags = tuple(dict.fromkeys(beside.read_text(encoding="utf-8-sig").split()))
    except FileNotFoundError:
        raise LookupError(f"{beside.name} with its tags is missing") from None
    except UnicodeDecodeError:
        raise LookupError(f"{beside.name} is not UTF-8") from None
    if not tags:
        raise LookupError(f"{beside.name} is empty")
    return tags


def grey_pixels(path: Path) -> Floats:
    """Brightness in 0..1, float32 (rows, columns), the top row first; UnreadablePicture."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise UnreadablePicture(f"{path} has more than {_MOST_PIXELS} pixels")
            if picture.mode in _WIDE:
                return np.asarray(picture, np.float32) / np.float32(65_535)
            return np.asarray(picture.convert("L"), np.float32) / np.float32(255)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a picture, or a damaged one"
        raise UnreadablePicture(f"{path}: {reason}") from None


def image_blocks(path: Path, recipe: Recipe) -> Blocks:
    """A greyscale picture as hop blocks of `recipe`; black is -80 dB, white 0 dB. UnreadablePicture.

    InputUnusable where the recipe's front end is of a kind that cannot hear pictures.

    Rows are interpolated to the recipe's mels. A picture narrower than a window is stretched to one; what is left over
    beyond whole blocks is not used. `power` is the mean of the pixels' powers, so that a black stretch is silence.
    """
    check_heard(recipe.front_end.kind)
    frames, mels = recipe.window_shape
    pixels = grey_pixels(path)[::-1].T  # (columns, rows), low frequencies first
    spectrogram = _stretched(pixels, mels, axis=1)
    if len(spectrogram) < frames:
        spectrogram = _stretched(spectrogram, frames, axis=0)
    n_blocks = len(spectrogram) // recipe.frames_per_hop
    kept = spectrogram[: n_blocks * recipe.frames_per_hop].reshape(n_blocks, recipe.frames_per_hop, mels)
    log_mel = np.ascontiguousarray(_BLACK_DB * (1 - kept), np.float32)
    power = np.power(10.0, log_mel / 10).mean(axis=(1, 2)).astype(np.float32)
    return Blocks(log_mel, power)


def _stretched(values: Floats, size: int, axis: int) -> Floats:
    """`values` with `size` entries along `axis`, interpolated linearly between pixel centres; averaged when shrunk."""
    old = values.shape[axis]
    if old == size:
        return values
    fine = np.moveaxis(values, axis, 0)
    if old > size:  # the mean of what each new entry covers: no line is lost
        edges = np.linspace(0, old, size + 1)
        sums = np.concatenate([np.zeros_like(fine[:1]), np.cumsum(fine, axis=0, dtype=np.float64)])
        at = _between(sums, edges)
        return cast(Floats, np.moveaxis(np.diff(at, axis=0) * (size / old), 0, axis).astype(np.float32))
    centres = (np.arange(size) + 0.5) * old / size - 0.5
    return cast(Floats, np.moveaxis(_between(fine, np.clip(centres, 0, old - 1)), 0, axis).astype(np.float32))


def _between(rows: npt.NDArray[np.floating], at: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """`rows` (n, ...) at fractional places."""
    low = np.minimum(at.astype(int), len(rows) - 1)
    high = np.minimum(low + 1, len(rows) - 1)
    weight = (at - low)[:, np.newaxis]
    return cast(npt.NDArray[np.floating], rows[low] * (1 - weight) + rows[high] * weight)

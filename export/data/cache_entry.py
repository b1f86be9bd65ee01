"""One file of the cache: hop blocks in 16-bit fixed point, compressed.

Each column of the frames lies between its least and its greatest value in 65,535 steps: 0.001 dB of error at most where
a clip spans 130 dB, a sixteenth of what float16 costs there, at the same reading speed and 48 % of float32's compressed
size. Power that is not logarithmic has no such steps and stays float32.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.decode import Floats
from export.data.features import Blocks
from export.data.recipe import Recipe
from models.whole_file import whole_file

_STEPS: Final = 65_535


class TornEntry(Exception):
    """A file of the cache that is not whole, or not of these features: to be built again."""


def write_entry(path: Path, blocks: Blocks, recipe: Recipe) -> None:
    """Write `path`, whole or not at all; OSError."""
    with whole_file(path) as file:
        if _keeps_power(recipe):
            np.savez_compressed(file, power=blocks.power, frames=blocks.frames)
        else:
            scale, levels = _in_steps(blocks.frames)
            np.savez_compressed(file, power=blocks.power, scale=scale, levels=levels)


def read_entry(path: Path, recipe: Recipe) -> Blocks:
    """The blocks in `path`; FileNotFoundError, or TornEntry."""
    exact = _keeps_power(recipe)
    with _opened(path) as entry:
        power, kept = entry["power"], entry["frames" if exact else "levels"]
        scale = None if exact else entry["scale"]
    expected = (len(power), recipe.frames_per_hop, recipe.front_end.n_features)
    if kept.shape != expected or kept.dtype != (np.float32 if exact else np.uint16):
        raise TornEntry(f"{path}: {kept.dtype} {kept.shape}, not {expected}")
    if scale is None:
        return Blocks(kept, power)
    low, step = scale
    frames = kept.astype(np.float32)
    frames *= step
    frames += low
    return Blocks(frames, power)


def read_power(path: Path) -> Floats:
    """The power of each block, float32 (n_blocks,), without unpacking the rest; FileNotFoundError, or TornEntry."""
    with _opened(path) as entry:
        power: Floats = entry["power"]
    return power


@contextmanager
def _opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The archive; what is wrong with it becomes TornEntry (its parts carry checksums, which reading verifies)."""
    try:
        with np.load(path, allow_pickle=False) as entry:
            yield entry
    except FileNotFoundError:
        raise
    # ValueError: numpy's, of a part; AttributeError, TypeError: it was a bare array.
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        EOFError,
        OSError,
        TypeError,
        AttributeError,
    ) as error:
        raise TornEntry(f"{path}: {error}") from None


def _keeps_power(recipe: Recipe) -> bool:
    return recipe.front_end.kind == "track174"


def _in_steps(frames: Floats) -> tuple[Floats, npt.NDArray[np.uint16]]:
    """(n_blocks, frames, n_features) -> each column's least value and step, (2, n_features), and the steps."""
    columns = frames.reshape(-1, frames.shape[-1])
    low, high = (columns.min(axis=0), columns.max(axis=0)) if len(columns) else np.zeros((2, frames.shape[-1]))
    step = (high - low) / _STEPS
    step = np.where(step > 0, step, 1).astype(np.float32)
    levels = np.rint((frames - low) / step).clip(0, _STEPS).astype(np.uint16)
    return np.stack([low, step]).astype(np.float32), levels

"""Where the recordings and scores of the unmodified musicnn package are, and the checkpoint, where they are at all."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

_SHARED = Path(os.environ.get("GENRED_SHARED", Path(__file__).resolve().parents[1] / ".." / "shared"))
REFERENCE = _SHARED / "data" / "musicnn"
VECTOR_TABLE = _SHARED / "data" / "features-complet.csv"  # 999 tracks, the columns of track174 and a label

needs_vector_table = pytest.mark.skipif(not VECTOR_TABLE.is_file(), reason="no table of vectors: set GENRED_SHARED")
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference data: set GENRED_SHARED")


def reference(name: str) -> npt.NDArray[np.float32]:
    """One array of the reference data."""
    values: npt.NDArray[np.float32] = np.load(REFERENCE / f"{name}.npy", allow_pickle=False)
    return values


def musicnn_folder() -> Path | None:
    """The installed musicnn package, found without importing it (it would import TensorFlow)."""
    spec = importlib.util.find_spec("musicnn")
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


needs_musicnn = pytest.mark.skipif(musicnn_folder() is None, reason="pip install --no-deps musicnn==0.1.0")

"""A window of `track174`'s frames -> one vector, on a CPU: its tempo, and the mean of everything else."""

import numpy as np
import numpy.typing as npt

from models.front_ends.parts.decibels import decibels
from models.front_ends.parts.tempo import tempo_of, tempo_scale
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]


def track_vector(frames: Floats, spec: FrontEnd) -> Floats:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, n_features)."""
    vectors = np.empty((len(frames), spec.n_features), np.float32)
    scale = tempo_scale(spec)
    for window, vector in zip(frames, vectors, strict=True):
        vector[:] = window.mean(axis=0, dtype=np.float64)
        vector[0] = tempo_of(window[:, 0], scale)
    if spec.scaling == "db":
        decibels(vectors[:, -spec.n_mels :])
    return vectors

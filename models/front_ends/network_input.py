"""A window's frames -> what a network takes, on a CPU: the second stage of every front end."""

from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.mel_picture import mel_pictures
from models.front_ends.kinds.track_vector import track_vector
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]

DEVIATION_FLOOR: Final = 1e-5


def network_input(frames: Floats, spec: FrontEnd) -> Floats:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, *spec.input_shape(n_frames))."""
    return _normalised(_shaped(frames, spec), spec)


def _shaped(frames: Floats, spec: FrontEnd) -> Floats:
    if spec.kind == "waveform":
        return frames.reshape(len(frames), -1)
    if spec.kind == "track174":
        return track_vector(frames, spec)
    if spec.kind == "mel-image":
        return mel_pictures(frames)
    return frames


def _normalised(windows: Floats, spec: FrontEnd) -> Floats:
    """As it is, or each window at mean 0, deviation 1."""
    if spec.normalisation == "none":
        return windows
    within = tuple(range(1, windows.ndim))
    mean = windows.mean(axis=within, keepdims=True)
    deviation = windows.std(axis=within, keepdims=True)
    scaled: Floats = (windows - mean) / (deviation + np.float32(DEVIATION_FLOOR))
    return scaled

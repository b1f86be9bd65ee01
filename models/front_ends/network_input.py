"""A window's frames -> what a network takes, on a CPU: the second stage of every front end."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.mel_picture import mel_pictures
from models.front_ends.kinds.track_vector import track_vector
from models.front_ends.spec import FrontEnd, Kind

Floats = npt.NDArray[np.float32]

DEVIATION_FLOOR: Final = 1e-5


def network_input(frames: Floats, spec: FrontEnd) -> Floats:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, *spec.input_shape(n_frames))."""
    return _normalised(SHAPERS[spec.kind](frames, spec), spec)


def _as_it_is(frames: Floats, _spec: FrontEnd) -> Floats:
    return frames


def _picture(frames: Floats, _spec: FrontEnd) -> Floats:
    return mel_pictures(frames)


def _one_row(frames: Floats, _spec: FrontEnd) -> Floats:
    return frames.reshape(len(frames), -1)


SHAPERS: Final[Mapping[Kind, Callable[[Floats, FrontEnd], Floats]]] = {
    "log-mel": _as_it_is,
    "mfcc": _as_it_is,
    "frame33": _as_it_is,
    "track174": track_vector,
    "mel-image": _picture,
    "waveform": _one_row,
}


def _normalised(windows: Floats, spec: FrontEnd) -> Floats:
    """As it is, or each window at mean 0, deviation 1."""
    if spec.normalisation == "none":
        return windows
    within = tuple(range(1, windows.ndim))
    mean = windows.mean(axis=within, keepdims=True)
    deviation = windows.std(axis=within, keepdims=True)
    scaled: Floats = (windows - mean) / (deviation + np.float32(DEVIATION_FLOOR))
    return scaled

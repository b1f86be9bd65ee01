"""A window's frames -> what a network takes, in torch: the twin of `models.front_ends.network_input`."""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

from models.front_ends.kinds.mel_picture_torch import mel_pictures
from models.front_ends.kinds.track_vector_torch import track_vector
from models.front_ends.network_input import DEVIATION_FLOOR
from models.front_ends.spec import FrontEnd, Kind


def network_input(frames: Tensor, spec: FrontEnd) -> Tensor:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, *spec.input_shape(n_frames))."""
    return _normalised(SHAPERS[spec.kind](frames, spec), spec)


def _as_it_is(frames: Tensor, _spec: FrontEnd) -> Tensor:
    return frames


def _picture(frames: Tensor, _spec: FrontEnd) -> Tensor:
    return mel_pictures(frames)


def _one_row(frames: Tensor, _spec: FrontEnd) -> Tensor:
    return frames.flatten(1)


SHAPERS: Final[Mapping[Kind, Callable[[Tensor, FrontEnd], Tensor]]] = {
    "log-mel": _as_it_is,
    "mfcc": _as_it_is,
    "frame33": _as_it_is,
    "track174": track_vector,
    "mel-image": _picture,
    "waveform": _one_row,
}


def _normalised(windows: Tensor, spec: FrontEnd) -> Tensor:
    """As it is, or each window at mean 0, deviation 1."""
    if spec.normalisation == "none":
        return windows
    within = tuple(range(1, windows.ndim))
    deviation, mean = torch.std_mean(windows, dim=within, correction=0, keepdim=True)
    return (windows - mean) / (deviation + DEVIATION_FLOOR)

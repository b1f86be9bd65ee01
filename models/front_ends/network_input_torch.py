"""A window's frames -> what a network takes, in torch: the twin of `models.front_ends.network_input`."""

import torch
from torch import Tensor

from models.front_ends.kinds.mel_picture_torch import mel_pictures
from models.front_ends.kinds.track_vector_torch import track_vector
from models.front_ends.network_input import DEVIATION_FLOOR
from models.front_ends.spec import FrontEnd


def network_input(frames: Tensor, spec: FrontEnd) -> Tensor:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, *spec.input_shape(n_frames))."""
    return _normalised(_shaped(frames, spec), spec)


def _shaped(frames: Tensor, spec: FrontEnd) -> Tensor:
    if spec.kind == "waveform":
        return frames.flatten(1)
    if spec.kind == "track174":
        return track_vector(frames, spec)
    if spec.kind == "mel-image":
        return mel_pictures(frames)
    return frames


def _normalised(windows: Tensor, spec: FrontEnd) -> Tensor:
    """As it is, or each window at mean 0, deviation 1."""
    if spec.normalisation == "none":
        return windows
    within = tuple(range(1, windows.ndim))
    deviation, mean = torch.std_mean(windows, dim=within, correction=0, keepdim=True)
    return (windows - mean) / (deviation + DEVIATION_FLOOR)

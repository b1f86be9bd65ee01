"""A window's mels as a picture of 224 x 224, in torch: the twin of `models.front_ends.kinds.mel_picture`."""

from functools import lru_cache

import torch
from torch import Tensor

from models.front_ends.kinds.mel_picture import PICTURE_RANGE_DB, stretching_matrix
from models.front_ends.spec import PICTURE_CHANNELS, PICTURE_SIZE


def mel_pictures(windows: Tensor) -> Tensor:
    """As its twin: mels in dB, float32 (n, n_frames, n_mels) -> 0..1, float32 (n, 3, 224, 224)."""
    _, n_frames, n_mels = windows.shape
    shade = (windows - windows.amax(dim=(1, 2), keepdim=True)) / PICTURE_RANGE_DB + 1
    of_mels, of_frames = (_stretching(n, windows.device) for n in (n_mels, n_frames))
    picture = (of_mels.T @ shade.clamp_min(0).transpose(1, 2) @ of_frames).flip(1)
    return picture.unsqueeze(1).repeat(1, PICTURE_CHANNELS, 1, 1)


@lru_cache(8)
def _stretching(n_in: int, device: torch.device) -> Tensor:
    return torch.from_numpy(stretching_matrix(n_in, PICTURE_SIZE)).to(device)

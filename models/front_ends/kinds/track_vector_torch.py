"""A window of `track174`'s frames -> one vector, in torch: the twin of `models.front_ends.kinds.track_vector`."""

import torch
from torch import Tensor

from models.front_ends.parts.decibels_torch import decibels
from models.front_ends.parts.tempo_torch import tempo
from models.front_ends.spec import FrontEnd


def track_vector(frames: Tensor, spec: FrontEnd) -> Tensor:
    """float32 (n_windows, n_frames, n_features) -> float32 (n_windows, n_features)."""
    means = frames.mean(dim=1)
    mels = means[:, -spec.n_mels :]
    if spec.scaling == "db":
        mels = decibels(mels)
    return torch.cat([tempo(frames[..., 0], spec)[:, None], means[:, 1 : -spec.n_mels], mels], dim=1)

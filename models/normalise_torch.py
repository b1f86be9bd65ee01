"""What happens to log-mel windows before a network sees them, in torch: the twin of `models.frontend.normalised`."""

from typing import Final

import torch
from torch import Tensor

from models.frontend_spec import FrontEnd

_DEVIATION_FLOOR: Final = 1e-5


def normalised(windows: Tensor, spec: FrontEnd) -> Tensor:
    """(n_windows, n_frames, n_mels) as the network wants it: as is, or each window at mean 0, deviation 1."""
    if spec.normalisation == "none":
        return windows
    deviation, mean = torch.std_mean(windows, dim=(1, 2), correction=0, keepdim=True)
    return (windows - mean) / (deviation + _DEVIATION_FLOOR)

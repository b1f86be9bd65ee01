"""Samples -> the frames of any kind of front end, on any torch device: the twin of `models.frames`."""

from typing import Protocol

import torch
from torch import Tensor

from models.frontend_spec import FrontEnd
from models.frontend_torch import TorchLogMel
from models.waveform_torch import TorchWaveform


class TorchFrames(Protocol):
    """An nn.Module; on the device that it was moved to."""

    spec: FrontEnd

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `models.frames.Frames.frames_of`: float32 (n_blocks, n_samples) -> (n_blocks, n_frames, n_features)."""
        ...


def make_torch_frames(spec: FrontEnd, device: torch.device) -> TorchFrames:
    """What computes the frames of `spec` on `device`."""
    if spec.kind == "waveform":
        return TorchWaveform(spec)
    return TorchLogMel(spec).to(device)

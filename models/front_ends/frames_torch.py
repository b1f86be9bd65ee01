"""Samples -> the frames of any kind of front end, on any torch device: the twin of `models.front_ends.frames`."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import torch
from torch import Tensor, nn

from models.front_ends.kinds.frame33_torch import TorchFrameFeatures
from models.front_ends.kinds.log_mel_torch import TorchLogMel
from models.front_ends.kinds.mfcc_torch import TorchMfcc
from models.front_ends.kinds.track174_torch import TorchTrackFeatures
from models.front_ends.kinds.waveform_torch import TorchWaveform
from models.front_ends.spec import FrontEnd, Kind


class TorchFrames(Protocol):
    """An nn.Module; on the device that it was moved to."""

    spec: FrontEnd

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `frames.Frames.frames_of`: float32 (n_blocks, n_samples) -> (n_blocks, n_frames, n_features)."""
        ...


MAKERS: Final[Mapping[Kind, Callable[[FrontEnd], nn.Module]]] = {
    "log-mel": TorchLogMel,
    "mfcc": TorchMfcc,
    "frame33": TorchFrameFeatures,
    "track174": TorchTrackFeatures,
    "mel-image": TorchLogMel,
    "waveform": TorchWaveform,
}


def make_torch_frames(spec: FrontEnd, device: torch.device) -> TorchFrames:
    """What computes the frames of `spec` on `device`."""
    return cast(TorchFrames, MAKERS[spec.kind](spec).to(device))

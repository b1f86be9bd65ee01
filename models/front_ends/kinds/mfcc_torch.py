"""Mel-frequency cepstral coefficients in torch: the twin of `models.front_ends.kinds.mfcc`."""

import torch
from torch import Tensor, nn

from models.front_ends.kinds.log_mel_torch import TorchLogMel
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.spec import FrontEnd


class TorchMfcc(nn.Module):
    """Samples -> frames of `n_mfcc` coefficients, by `spec`, on the device the module was moved to."""

    dct: Tensor

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec
        self._log_mel = TorchLogMel(spec)
        self.register_buffer("dct", torch.from_numpy(dct_matrix(spec.n_mels, spec.n_mfcc)), persistent=False)

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `Mfcc.frames_of`: float32 (n_blocks, n_samples) -> float32 (n_blocks, n_frames, n_mfcc)."""
        return self._log_mel.frames_of(samples) @ self.dct

"""Samples as they are, a row of them a frame, in torch: the twin of `models.front_ends.kinds.waveform`."""

from torch import Tensor, nn

from models.front_ends.block_check import check_blocks
from models.front_ends.spec import FrontEnd


class TorchWaveform(nn.Module):
    """Samples -> frames of `frame_hop` samples."""

    def __init__(self, spec: FrontEnd) -> None:
        super().__init__()
        self.spec = spec

    def frames_of(self, samples: Tensor) -> Tensor:
        """As `Waveform.frames_of`: float32 (n_blocks, n_samples) -> (n_blocks, n_frames, frame_hop)."""
        check_blocks(samples.dtype, tuple(samples.shape), self.spec)
        hop = self.spec.frame_hop
        return samples[:, : samples.shape[1] // hop * hop].reshape(len(samples), -1, hop)

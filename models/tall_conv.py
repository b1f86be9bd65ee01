"""The maximum over frequency of a tall convolution of few filters: as it is, with the maximum before the activation."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.folding import MaximumActivation, upward_sign
from models.musicnn import N_MELS, FrontBlock


class TallFrontBlock(nn.Module):
    """A tall `FrontBlock` in evaluation; the same function as `models.spectral_conv.SpectralFrontBlock`."""

    weight: Tensor

    def __init__(self, block: FrontBlock) -> None:
        super().__init__()
        assert block.conv.bias is not None
        sign = upward_sign(block.norm).float()
        self.register_buffer("weight", block.conv.weight.detach() * sign[:, None, None, None])
        self.n_filters, _, self.n_taps, height = self.weight.shape
        self.n_positions = N_MELS - height + 1
        self.activation = MaximumActivation([block.conv.bias], [block.norm], self.n_filters)

    def over(self, stretches: list[Tensor]) -> Tensor:
        """Stretches of frames, (batch, n, 96) each -> (batch, n_filters, sum of n - n_taps + 1): 'valid' in time."""
        maxima = [self._maxima(stretch) for stretch in stretches]
        activated: Tensor = self.activation(torch.cat(maxima, dim=2))
        return activated

    def _maxima(self, stretch: Tensor) -> Tensor:
        outputs = functional.conv2d(stretch.unsqueeze(1), self.weight)
        return functional.max_pool2d(outputs, (1, self.n_positions)).squeeze(3)

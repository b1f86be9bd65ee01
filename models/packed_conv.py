"""musicnn's three temporal convolutions packed into whole blocks of 16 filters.

onnxruntime computes 16 filters at a time; 51 + 51 + 51 of them would cost 64 + 64 + 64. A short filter is also a
longer one with zeros around it, so some of the 64-frame filters travel with the 128-frame ones, and some of the
32-frame ones with the 64-frame ones: 64 + 48 + 48, the order of the outputs unchanged.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.folding import MaximumActivation, upward_sign
from models.musicnn import N_MELS, FrontBlock

_PACKS: Final = (64, 48, 48)


class PackedFrontBlocks(nn.Module):
    """The temporal `FrontBlock`s in evaluation, longest first, with the maximum over frequency taken first."""

    def __init__(self, blocks: list[FrontBlock]) -> None:
        super().__init__()
        filters: list[tuple[Tensor, Tensor]] = []  # each (width,), and its bias
        for block in blocks:
            assert block.conv.bias is not None
            sign = upward_sign(block.norm).float()
            weights = block.conv.weight.detach()[:, 0, :, 0] * sign[:, None]
            filters += list(zip(weights, block.conv.bias.detach() * sign, strict=True))
        self.n_filters = len(filters)
        self.convs = nn.ModuleList()
        for n_packed, block in zip(_PACKS, blocks, strict=True):
            self.convs.append(_packed(filters[:n_packed], n_packed, block.conv.kernel_size[0]))
            filters = filters[n_packed:]
        no_biases = [torch.zeros_like(block.norm.bias) for block in blocks]  # the convolutions have them
        self.activation = MaximumActivation(no_biases, [block.norm for block in blocks], sum(_PACKS))

    def forward(self, normalised: Tensor) -> Tensor:
        """(batch, frames, 96) -> (batch, 160, frames): the filters of all blocks in order, then seven of zeros."""
        image = normalised.unsqueeze(1)
        highest = [_highest(conv, image) for conv in self.convs if isinstance(conv, nn.Conv2d)]
        activated: Tensor = self.activation(torch.cat(highest, dim=1))
        return activated


def _highest(conv: nn.Conv2d, image: Tensor) -> Tensor:
    """'same' convolution over time, the maximum over frequency: (batch, 1, frames, 96) -> (batch, filters, frames)."""
    width_frames = conv.kernel_size[0]
    padded = functional.pad(image, (0, 0, (width_frames - 1) // 2, width_frames // 2))
    return functional.max_pool2d(conv(padded), (1, N_MELS)).squeeze(3)


def _packed(filters: list[tuple[Tensor, Tensor]], n_packed: int, width_frames: int) -> nn.Conv2d:
    """One convolution of filters of that width or less, centred as their own 'same' padding would have them."""
    conv = nn.Conv2d(1, n_packed, (width_frames, 1))
    weight, bias = torch.zeros(n_packed, 1, width_frames, 1), torch.zeros(n_packed)
    for row, (values, offset) in enumerate(filters):
        first = (width_frames - 1) // 2 - (len(values) - 1) // 2
        weight[row, 0, first : first + len(values), 0] = values
        bias[row] = offset
    conv.weight.data, conv.bias = weight, nn.Parameter(bias)
    return conv

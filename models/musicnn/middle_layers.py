"""musicnn's middle layers rearranged for onnxruntime: two-dimensional convolutions one high, in its blocked layout.

The first one is linear in its channels until its ReLU, so its timbral and its temporal channels are summed apart.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.living import LivingMidBlock

REACH_FRAMES: Final = 3  # on either side, that a filter of width 7 sees
SEAM_FRAMES: Final = 2 * REACH_FRAMES  # outputs that see both of two neighbouring blocks
_CHANNEL_BLOCK: Final = 16  # of onnxruntime's layout


class SplitMidBlock(nn.Module):
    """The first `LivingMidBlock`, its timbral and its temporal channels apart: they meet before the ReLU."""

    scale: Tensor
    shift: Tensor

    def __init__(self, block: LivingMidBlock, n_timbral: int, n_temporal: int, n_frames: int) -> None:
        """n_temporal: channels that will come, at least the block's own; the rest have no weight. Windows: n_frames."""
        super().__init__()
        self.n_filters = block.weight.shape[0]
        self.n_padding = -n_timbral % _CHANNEL_BLOCK
        self.of_timbral = _convolution(block.weight[:, :n_timbral], n_timbral + self.n_padding)
        self.of_temporal = _convolution(block.weight[:, n_timbral:], n_temporal, _inner_offset(block))
        self.of_temporal.padding = (0, REACH_FRAMES)
        self.ends = _Ends(block, n_frames)
        self.register_buffer("scale", block.scale[:, None, None])
        self.register_buffer("shift", block.shift[:, None, None])

    def partial(self, stretches: list[Tensor]) -> list[Tensor]:
        """Stretches of timbral channels (batch, n_timbral, n) -> their sums, three frames wider at both ends:

        (batch, filters, 1, n + 6) each. One convolution over all, with zeros between.
        """
        gap = functional.pad(torch.zeros_like(stretches[0][:, :, :1]), (0, SEAM_FRAMES - 1))
        row = [gap]
        for stretch in stretches:
            row += [stretch, gap]
        sums = self.of_timbral(functional.pad(torch.cat(row, dim=2), (0, 0, 0, self.n_padding)).unsqueeze(2))
        parts, start = [], 0
        for stretch in stretches:
            width = stretch.shape[2] + SEAM_FRAMES
            parts.append(sums[..., start : start + width])
            start += width
        return parts

    def forward(self, partial: Tensor, temporal: Tensor) -> Tensor:
        """Sums of the timbral channels (batch, filters, 1, frames), temporal ones (batch, n, 1, frames) -> layer."""
        return functional.relu(self.ends(partial + self.of_temporal(temporal))) * self.scale + self.shift


class FastMidBlock(nn.Module):
    """`LivingMidBlock` for (batch, channels, 1, frames)."""

    scale: Tensor
    shift: Tensor

    def __init__(self, block: LivingMidBlock, n_frames: int) -> None:
        super().__init__()
        self.conv = _convolution(block.weight, block.weight.shape[1], _inner_offset(block))
        self.conv.padding = (0, REACH_FRAMES)
        self.ends = _Ends(block, n_frames)
        self.register_buffer("scale", block.scale[:, None, None])
        self.register_buffer("shift", block.shift[:, None, None])

    def forward(self, features: Tensor) -> Tensor:
        """(batch, channels, 1, frames) -> (batch, filters, 1, frames)."""
        return functional.relu(self.ends(self.conv(features))) * self.scale + self.shift


class _Ends(nn.Module):
    """What the constants of dropped inputs do not add at a window's ends, where fewer taps see them."""

    missing: Tensor

    def __init__(self, block: LivingMidBlock, n_frames: int) -> None:
        super().__init__()
        missing = block.offset(n_frames) - _inner_offset(block)[:, None]
        missing[:, REACH_FRAMES:-REACH_FRAMES] = 0  # but for rounding it is
        self.register_buffer("missing", missing[:, None])
        self.needed = bool(block.of_dropped.any())

    def forward(self, sums: Tensor) -> Tensor:
        """(batch, filters, 1, n_frames), the same shape."""
        return sums + self.missing if self.needed else sums


def _inner_offset(block: LivingMidBlock) -> Tensor:
    """What is added to the convolution where all of its taps see something: (filters,)."""
    return block.offset(2 * SEAM_FRAMES + 1)[:, SEAM_FRAMES]


def _convolution(weight: Tensor, n_channels: int, bias: Tensor | None = None) -> nn.Conv2d:
    """A convolution over time, one high (onnxruntime's layout wants two dimensions), over n_channels or fewer."""
    n_filters, n_own, width_frames = weight.shape
    conv = nn.Conv2d(n_channels, n_filters, (1, width_frames), bias=bias is not None)
    conv.weight.data = torch.zeros_like(conv.weight)
    conv.weight.data[:, :n_own, 0] = weight
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach())
    return conv

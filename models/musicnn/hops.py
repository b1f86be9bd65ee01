"""musicnn hop by hop: what two windows share is computed once. The same function as `models.musicnn.network`.

A window is two hop blocks of 125 frames. The timbral filters see three frames on either side, so of a block's 125
outputs all but three at each end are the same in both of its windows. A block's are computed when it is the newer one:

- its own, with zeros beyond both ends: right at the left where it begins a window, at the right where it ends one;
- the six outputs across the seam to the block before it, three on each side.

What the block's second window needs of them is its `carry`: the maximum and the sum over time of each channel, and
their part in the first middle layer, which is linear until its ReLU; and what the temporal filters say of frames where
they see no end (`models.musicnn.packed_conv`).
"""

import copy
from typing import Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.folding import folded_norm
from models.musicnn.living import LivingMidBlock, LivingMusicnn
from models.musicnn.middle_layers import REACH_FRAMES, SEAM_FRAMES, FastMidBlock, SplitMidBlock
from models.musicnn.network import FrontBlock
from models.musicnn.packed_conv import PackedFrontBlocks
from models.musicnn.spectral_conv import SpectralFrontBlock

FRAMES_PER_BLOCK: Final = 125
_FRAMES_PER_WINDOW: Final = 2 * FRAMES_PER_BLOCK
_TRANSFORMS: Final = ((96, 1), (64, 2))  # of the timbral filters: points, parts; the cheapest of those tried


class HopMusicnn(nn.Module):
    """Inference only: two blocks' log-mel, and the first one's carry -> logits, and the second one's carry."""

    input_scale: Tensor
    input_shift: Tensor

    def __init__(self, network: LivingMusicnn) -> None:
        super().__init__()
        for name, values in zip(("input_scale", "input_shift"), folded_norm(network.input_norm), strict=True):
            self.register_buffer(name, values.float())
        blocks = [block for block in network.front if isinstance(block, FrontBlock)]
        tall, wide = blocks[: len(_TRANSFORMS)], blocks[len(_TRANSFORMS) :]
        self._timbral = [SpectralFrontBlock(block, *shape) for block, shape in zip(tall, _TRANSFORMS, strict=True)]
        self.timbral = nn.ModuleList(self._timbral)
        self.temporal = PackedFrontBlocks(wide, FRAMES_PER_BLOCK)
        self.n_timbral = sum(block.conv.out_channels for block in tall)
        middle = [block for block in network.mid if isinstance(block, LivingMidBlock)]
        self.mid = SplitMidBlock(middle[0], self.n_timbral, self.temporal.n_outputs, _FRAMES_PER_WINDOW)
        self.later = nn.ModuleList(FastMidBlock(block, _FRAMES_PER_WINDOW) for block in middle[1:])
        self.n_silent = network.n_mid - network.n_first
        self.dense, self.output = copy.deepcopy(network.dense), copy.deepcopy(network.output)
        self._make_shifts_exact()

    def _make_shifts_exact(self) -> None:
        """The front's channels as bfloat16 has them best (`MaximumActivation.with_exact_shifts`); the same function."""
        of_timbral = torch.cat([filters.activation.with_exact_shifts() for filters in self._timbral])
        of_temporal = self.temporal.activation.with_exact_shifts()
        self.mid.of_timbral.weight.data[:, : self.n_timbral] /= of_timbral[:, None, None]
        self.mid.of_temporal.weight.data /= of_temporal[:, None, None]
        of_front = torch.cat([of_timbral, of_temporal[: self.temporal.n_filters]])
        maxima, means = self.dense.weight.data.chunk(2, dim=1)  # views
        maxima[:, : len(of_front)] /= of_front
        means[:, : len(of_front)] /= of_front

    @property
    def carry_size(self) -> int:
        """Numbers in a block's carry."""
        return sum(self._carry_sizes)

    def forward(self, log_mel: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """float32 (batch, 250, 96), carry of the first blocks (batch, carry_size) -> (batch, n_labels), and a carry."""
        normalised = self._normalised(log_mel)
        older, newer = normalised[:, :FRAMES_PER_BLOCK], normalised[:, FRAMES_PER_BLOCK:]
        block = self._block(older[:, -SEAM_FRAMES:], newer)
        highest, total, partial, of_temporal = torch.split(carried, self._carry_sizes, dim=1)
        temporal, temporal_carry = self.temporal(normalised, of_temporal)
        first = self.mid(self._window_partial(partial, block), temporal.unsqueeze(2))
        second = self._widened(first) + self.later[0](first)
        features = [first, second, second + self.later[1](second)]
        heard = temporal[:, : self.temporal.n_filters]
        maxima = [torch.maximum(highest, block.ended_max), heard.amax(dim=2)]
        sums = [total + block.ended_sum, heard.sum(dim=2)]
        for layer_features in features:
            maxima.append(layer_features.amax(dim=3).flatten(1))
            sums.append(layer_features.sum(dim=3).flatten(1))
        means = torch.cat(sums, dim=1) * (1 / (2 * FRAMES_PER_BLOCK))
        logits = self.output(functional.relu(self.dense(torch.cat([*maxima, means], dim=1))))
        return logits, self._carry(block, temporal_carry)

    def first_carry(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the carry of the first blocks (batch, carry_size), for whoever has none."""
        own = self._normalised(log_mel[:, :FRAMES_PER_BLOCK])
        block = self._block(own[:, -SEAM_FRAMES:], own)  # of the seam nothing is carried
        return self._carry(block, self.temporal.carry(own))

    def _widened(self, first: Tensor) -> Tensor:
        """The first middle layer among its silent channels, whose constants the second layer brings."""
        return functional.pad(first, (0, 0, 0, 0, 0, self.n_silent)) if self.n_silent else first

    def _normalised(self, log_mel: Tensor) -> Tensor:
        return log_mel * self.input_scale + self.input_shift

    def _block(self, before: Tensor, own: Tensor) -> "_Block":
        """The timbral filters over a block, (batch, 125, 96), and over its seam to the frames `before` it."""
        alone = functional.pad(own, (0, 0, REACH_FRAMES, REACH_FRAMES))
        seam = torch.cat([before, own[:, :SEAM_FRAMES]], dim=1)
        timbral = torch.cat([filters.over([alone, seam]) for filters in self._timbral], dim=1)
        return _Block(timbral, self.mid)

    @property
    def _carry_sizes(self) -> list[int]:
        """Of its parts: maxima and sums over time of the timbral channels, their part in the first middle layer, and
        what the temporal filters carry.
        """
        n_partial = self.mid.n_filters * FRAMES_PER_BLOCK
        return [self.n_timbral, self.n_timbral, n_partial, self.temporal.carry_size]

    def _carry(self, block: "_Block", temporal_carry: Tensor) -> Tensor:
        partial = block.partial + functional.pad(block.start_partial, (0, FRAMES_PER_BLOCK - SEAM_FRAMES))
        return torch.cat([block.begun_max, block.begun_sum, partial.flatten(1), temporal_carry], dim=1)

    def _window_partial(self, carried: Tensor, block: "_Block") -> Tensor:
        """The timbral channels' part in the first middle layer of a window: (batch, filters, 1, 250)."""
        away = FRAMES_PER_BLOCK - SEAM_FRAMES
        newer = block.partial + functional.pad(block.end_partial, (away, 0))
        older = carried.reshape(-1, self.mid.n_filters, 1, FRAMES_PER_BLOCK)
        return torch.cat([older, newer], dim=3) + functional.pad(block.seam_partial, (away, away))


class _Block:
    """What the timbral filters say of a block, and their part in the first middle layer."""

    def __init__(self, timbral: Tensor, mid: SplitMidBlock) -> None:
        """timbral: (batch, channels, 125 + 6), the seam's outputs last."""
        own, seam = timbral[:, :, :FRAMES_PER_BLOCK], timbral[:, :, FRAMES_PER_BLOCK:]
        start, inner, end = own[:, :, :REACH_FRAMES], own[:, :, REACH_FRAMES:-REACH_FRAMES], own[:, :, -REACH_FRAMES:]
        inner_max, inner_sum = inner.amax(dim=2), inner.sum(dim=2)
        # of a window that it begins: all but the last three outputs, which will be the next seam's
        self.begun_max = torch.maximum(inner_max, start.amax(dim=2))
        self.begun_sum = inner_sum + start.sum(dim=2)
        # of a window that it ends, with the seam
        # (one by one: OpenVINO cannot load a maximum over what was just concatenated)
        self.ended_max = torch.maximum(inner_max, torch.maximum(seam.amax(dim=2), end.amax(dim=2)))
        self.ended_sum = inner_sum + seam.sum(dim=2) + end.sum(dim=2)
        self.partial, start_partial, end_partial, self.seam_partial = mid.partial([inner, start, end, seam])
        self.start_partial = start_partial[..., REACH_FRAMES:]  # nothing is before a window
        self.end_partial = end_partial[..., :-REACH_FRAMES]


class Hops(Protocol):
    """A network hop by hop: what a block hands on, from the first window that has it."""

    def first_carry(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the carry of the first blocks (batch, carry_size)."""
        ...


class FirstCarry(nn.Module):
    """`first_carry` of a network hop by hop as a module, for an exporter."""

    def __init__(self, hops: Hops) -> None:
        super().__init__()
        self.hops = hops

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the carry of the first blocks (batch, carry_size)."""
        return self.hops.first_carry(log_mel)

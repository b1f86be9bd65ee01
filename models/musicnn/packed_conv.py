"""musicnn's three temporal convolutions over a window of two hop blocks, with no product that can be had cheaper.

- onnxruntime computes 16 filters at a time; 51 + 51 + 51 of them would cost 64 + 64 + 64. A short filter is also a
  longer one with zeros around it, so some of the 64-frame filters travel with the 128-frame ones, and some of the
  32-frame ones with the 64-frame ones: 64 + 48 + 48, the order of the outputs unchanged (`pack_sizes`).
- Near the window's ends, taps that would meet only zeros are left out.
- Outputs that see nothing beyond their block are the same in both windows of the block: they are computed where it is
  the newer one, and carried. (Of the 128-frame filters there are none.)
"""

from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.folding import MaximumActivation, upward_sign
from models.musicnn.network import N_MELS, FrontBlock

_AT_A_TIME: Final = 16  # filters that onnxruntime computes together
_EDGE_FRAMES: Final = 16  # outputs near an end are computed in stretches of so many, each with the taps it needs


class Pack(nn.Module):
    """Filters of one width over (batch, 1, frames, 96), the maximum over frequency taken."""

    weight: Tensor
    bias: Tensor

    def __init__(self, filters: list[tuple[Tensor, Tensor]], width_frames: int, frames_per_block: int) -> None:
        """filters: (width,) and a bias each, that width or less; centred as their own 'same' padding has them."""
        super().__init__()
        weight, bias = torch.zeros(len(filters), 1, width_frames, 1), torch.zeros(len(filters))
        for row, (values, offset) in enumerate(filters):
            first = (width_frames - 1) // 2 - (len(values) - 1) // 2
            weight[row, 0, first : first + len(values), 0] = values
            bias[row] = offset
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.n_filters = len(filters)
        self.before, self.after = (width_frames - 1) // 2, width_frames // 2  # frames that an output sees
        self.n_block = frames_per_block
        self.n_carried = max(0, frames_per_block - self.before - self.after)

    def forward(self, image: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """A window (batch, 1, 2 blocks, 96), what its first block carries (batch, n_filters, n_carried)

        -> (batch, n_filters, 2 blocks), and what its second block carries.
        """
        n_frames = 2 * self.n_block
        seam, own = self.n_block - self.after, self.n_block + self.before
        across = self._stretch(image, seam, n_frames - self.after)  # the seam, and what the second block will carry
        carry = across[:, :, own - seam :]
        ends = self._stretch(image, 0, self.before), self._stretch(image, n_frames - self.after, n_frames)
        return torch.cat([ends[0], carried, across, ends[1]], dim=2), carry

    def alone(self, image: Tensor) -> Tensor:
        """A window (batch, 1, 2 blocks, 96), nothing carried -> (batch, n_filters, 2 blocks)."""
        bounds = self._bounds(2 * self.n_block)
        parts = [self._stretch(image, a, b) for a, b in pairwise(bounds)]
        return torch.cat(parts, dim=2)

    def carry(self, image: Tensor) -> Tensor:
        """What a block (batch, 1, frames, 96) carries into its second window: (batch, n_filters, n_carried)."""
        return self._stretch(image, self.before, self.n_block - self.after)

    def _stretch(self, image: Tensor, start: int, stop: int) -> Tensor:
        """Outputs start .. stop - 1, with zeros beyond the image: (batch, n_filters, stop - start)."""
        n_frames = image.shape[2]
        first_tap = max(0, self.before - (stop - 1))
        stop_tap = min(self.weight.shape[2], n_frames + self.before - start)
        first, last = start + first_tap - self.before, stop + stop_tap - self.before - 2
        seen = image[:, :, max(0, first) : last + 1]
        padded = functional.pad(seen, (0, 0, max(0, -first), max(0, last + 1 - n_frames)))
        outputs = functional.conv2d(padded, self.weight[:, :, first_tap:stop_tap], self.bias)
        return functional.max_pool2d(outputs, (1, N_MELS)).squeeze(3)

    def _bounds(self, n_frames: int) -> list[int]:
        """Where stretches begin and end: short ones near the ends, one long one between."""
        near = [*range(0, min(self.before, n_frames // 2), _EDGE_FRAMES)]
        return [*near, *(n_frames - bound for bound in reversed(near))]


class PackedFrontBlocks(nn.Module):
    """The temporal `FrontBlock`s in evaluation, longest first."""

    def __init__(self, blocks: list[FrontBlock], frames_per_block: int) -> None:
        super().__init__()
        filters: list[tuple[Tensor, Tensor]] = []  # each (width,), and its bias
        for block in blocks:
            assert block.conv.bias is not None
            sign = upward_sign(block.norm).float()
            weights = block.conv.weight.detach()[:, 0, :, 0] * sign[:, None]
            filters += list(zip(weights, block.conv.bias.detach() * sign, strict=True))
        self.n_filters = len(filters)
        sizes = pack_sizes([block.conv.out_channels for block in blocks])
        self.n_outputs = sum(sizes)
        packs = []
        for n_packed, block in zip(sizes, blocks, strict=True):
            if not n_packed:
                continue  # they travel with the longer ones
            padding = [(torch.zeros(1), torch.zeros(()))] * (n_packed - len(filters[:n_packed]))
            packs.append(Pack(filters[:n_packed] + padding, block.conv.kernel_size[0], frames_per_block))
            filters = filters[n_packed:]
        self.packs = nn.ModuleList(packs)
        self._each = packs
        no_biases = [torch.zeros_like(block.norm.bias) for block in blocks]  # the convolutions have them
        self.activation = MaximumActivation(no_biases, [block.norm for block in blocks], self.n_outputs)

    @property
    def carry_size(self) -> int:
        """Numbers in a block's carry."""
        return sum(pack.n_filters * pack.n_carried for pack in self._each)

    def forward(self, normalised: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """A window (batch, frames, 96), the first block's carry -> (batch, n_outputs, frames), and the second's carry.

        The channels are the filters of all blocks in order, then some of zeros.
        """
        image = normalised.unsqueeze(1)
        highest, carries, start = [], [], 0
        for pack in self._each:
            size = pack.n_filters * pack.n_carried
            if not size:
                highest.append(pack.alone(image))
                continue
            own = carried[:, start : start + size].reshape(-1, pack.n_filters, pack.n_carried)
            outputs, carry = pack(image, own)
            highest.append(outputs)
            carries.append(carry.flatten(1))
            start += size
        activated: Tensor = self.activation(torch.cat(highest, dim=1))
        return activated, torch.cat([carried[:, :0], *carries], dim=1)

    def carry(self, own: Tensor) -> Tensor:
        """The carry of a block (batch, frames, 96)."""
        carries = [pack.carry(own.unsqueeze(1)).flatten(1) for pack in self._each if pack.n_carried]
        return torch.cat([own[:, 0, :0], *carries], dim=1)


def pack_sizes(n_filters: list[int]) -> list[int]:
    """Of blocks with so many filters, longest first: how many are computed at each width, in sixteens, all in order."""
    sizes, room = [], 0
    for n in n_filters:
        left = max(0, n - room)
        sizes.append(-(-left // _AT_A_TIME) * _AT_A_TIME)
        room += sizes[-1] - n
    return sizes

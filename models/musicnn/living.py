"""musicnn without its dead filters: the same function, in evaluation, with less to compute.

Weight decay takes the weights of filters that nothing holds up to nought (1e-30 in the published networks), and such a
filter answers one constant to anything. Here its constant stands in what reads it: in the dense layer's bias, and in
the middle layers as `LivingMidBlock.of_dropped`, for at a window's ends fewer of a layer's taps see it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.folding import dense_after, folded_norm
from models.musicnn.network import FrontBlock, MidBlock, Musicnn


@dataclass(frozen=True, slots=True)
class Kept:
    """Which filters stay, as indices in ascending order: of every front block, and of the first middle layer."""

    front: tuple[Tensor, ...]
    first: Tensor


class LivingMidBlock(nn.Module):
    """A `MidBlock` in evaluation: relu(convolution + constants of the inputs that are gone) * scale + shift."""

    weight: Tensor
    bias: Tensor
    of_dropped: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, block: MidBlock, filters: Tensor, read: Tensor, dropped: Tensor, constants: Tensor) -> None:
        """filters: which of the block's, in which order; read, dropped: its inputs; constants: of those dropped."""
        super().__init__()
        assert block.conv.bias is not None
        weight = block.conv.weight.detach()[filters]
        scale, shift = folded_norm(block.norm)
        for name, values in (
            ("weight", weight[:, read]),
            ("bias", block.conv.bias.detach()[filters]),
            ("of_dropped", torch.einsum("fct,c->ft", weight[:, dropped].double(), constants.double())),
            ("scale", scale[filters]),
            ("shift", shift[filters]),
        ):
            self.register_buffer(name, values.float().contiguous())

    def offset(self, n_frames: int) -> Tensor:
        """What is added to the convolution before its ReLU, bias and constants: (filters, n_frames)."""
        heard = torch.ones(1, 1, n_frames)  # and zeros beyond the window, as in the convolution
        return functional.conv1d(heard, self.of_dropped[:, None], self.bias, padding="same")[0]

    def forward(self, features: Tensor) -> Tensor:
        """(batch, inputs read, frames) -> (batch, filters, frames)."""
        sums = functional.conv1d(features, self.weight, padding="same") + self.offset(features.shape[2])
        return functional.relu(sums) * self.scale[:, None] + self.shift[:, None]


class LivingMusicnn(nn.Module):
    """A `Musicnn` in evaluation, of its filters those that are `kept`; normalisations folded where that is exact.

    The residual channels stand in another order: first those that the first middle layer keeps.
    """

    def __init__(self, network: Musicnn, kept: Kept) -> None:
        super().__init__()
        blocks = [block for block in network.front if isinstance(block, FrontBlock)]
        middle = [block for block in network.mid if isinstance(block, MidBlock)]
        n_front, n_mid = middle[0].conv.in_channels, middle[0].conv.out_channels
        starts = [sum(block.conv.out_channels for block in blocks[:place]) for place in range(len(blocks))]
        read = torch.cat([start + own for start, own in zip(starts, kept.front, strict=True)])
        unread, silent = _others(read, n_front), _others(kept.first, n_mid)
        of_front = torch.cat([at_rest(block) for block in blocks])[unread]
        of_first = at_rest(middle[0])[silent]
        order, nothing = torch.cat([kept.first, silent]), torch.arange(0)
        self.input_norm = network.input_norm
        self.front = nn.ModuleList(_with_filters(block, own) for block, own in zip(blocks, kept.front, strict=True))
        self.mid = nn.ModuleList(
            [
                LivingMidBlock(middle[0], kept.first, read, unread, of_front),
                LivingMidBlock(middle[1], order, kept.first, silent, of_first),
                LivingMidBlock(middle[2], order, order, nothing, torch.zeros(0)),
            ]
        )
        second = self.mid[1]
        assert isinstance(second, LivingMidBlock)
        second.shift[len(kept.first) :] += of_first  # what the residual would have brought
        self.n_first, self.n_mid = len(kept.first), n_mid
        later = [n_front + layer * n_mid + order for layer in (1, 2)]
        self.dense = _dense(
            dense_after(network.pooled_norm, network.dense),
            torch.cat([read, n_front + kept.first, *later]),
            torch.cat([unread, n_front + silent]),
            torch.cat([of_front, of_first]),
        )
        self.output = dense_after(network.dense_norm, network.output)

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> scores in 0..1, (batch, n_labels)."""
        return torch.sigmoid(self.logits(log_mel))

    def logits(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> (batch, n_labels) before the sigmoid."""
        normalised = self.input_norm(log_mel.unsqueeze(1))
        front = torch.cat([block(normalised) for block in self.front], dim=1)
        first = self.mid[0](front)
        second = functional.pad(first, (0, 0, 0, self.n_mid - self.n_first)) + self.mid[1](first)
        third = second + self.mid[2](second)
        features = torch.cat([front, first, second, third], dim=1)
        pooled = torch.cat([features.amax(dim=2), features.mean(dim=2)], dim=1)
        scores: Tensor = self.output(functional.relu(self.dense(pooled)))
        return scores


def all_kept(network: Musicnn) -> Kept:
    """Every filter."""
    blocks = [block for block in network.front if isinstance(block, FrontBlock)]
    first = network.mid[0]
    assert isinstance(first, MidBlock)
    return Kept(tuple(torch.arange(block.conv.out_channels) for block in blocks), torch.arange(first.conv.out_channels))


def _others(kept: Tensor, n: int) -> Tensor:
    """Of 0 .. n - 1 those that are not kept."""
    gone = torch.ones(n, dtype=torch.bool)
    gone[kept] = False
    return gone.nonzero()[:, 0]


def at_rest(block: FrontBlock | MidBlock) -> Tensor:
    """What filters answer whose weights are nought: float64 (filters,)."""
    assert block.conv.bias is not None
    scale, shift = folded_norm(block.norm)
    return functional.relu(block.conv.bias.detach().double()) * scale + shift


def _with_filters(block: FrontBlock, filters: Tensor) -> FrontBlock:
    """A copy with some of the filters."""
    width_frames, height_mels = block.conv.kernel_size
    copy = FrontBlock(len(filters), width_frames, height_mels)
    whole = block.state_dict()
    copy.load_state_dict({name: values[filters] if values.ndim else values for name, values in whole.items()})
    return copy.eval()


def _dense(folded: nn.Linear, read: Tensor, dropped: Tensor, constants: Tensor) -> nn.Linear:
    """The layer over maxima, then means, of the channels `read`; `constants`: of those dropped, maximum as mean."""
    weight = folded.weight.detach()
    maxima, means = weight[:, 0::2], weight[:, 1::2]  # interleaved, as published
    dense = nn.Linear(2 * len(read), folded.out_features)
    dense.weight.data = torch.cat([maxima[:, read], means[:, read]], dim=1)
    of_dropped = (maxima[:, dropped].double() + means[:, dropped].double()) @ constants.double()
    dense.bias.data = (folded.bias.detach().double() + of_dropped).float()
    return dense

"""musicnn rearranged for a CPU: the same function, cheaper.

- Maximum over frequency first, then ReLU and BN on what is left: 59 or 96 times fewer of them. BN with a negative
  gamma would turn the maximum into a minimum, so those filters are computed with their sign flipped.
- Filters are zero-padded to whole blocks of 16 (204 -> 208, 51 -> 64): onnxruntime then stays in its blocked layout.
- The last two normalisations are folded into the dense layers that follow them. (The input's cannot be folded into
  the convolutions: zeros are padded after it.)
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn import N_MELS, FrontBlock, MidBlock, Musicnn

_BLOCK_FILTERS = 16
Norm = nn.BatchNorm1d | nn.BatchNorm2d


class FastFrontBlock(nn.Module):
    """`FrontBlock` in evaluation, with the maximum taken first."""

    sign: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, block: FrontBlock, multiple_of: int) -> None:
        super().__init__()
        weight = block.conv.weight.detach()
        self.n_filters, _, width_frames, height_mels = weight.shape
        scale, shift = folded_norm(block.norm)
        sign = torch.where(scale < 0, -1.0, 1.0)
        n_padded = -(-self.n_filters // multiple_of) * multiple_of
        self.padding_frames = block.padding_frames
        self.n_positions = N_MELS - height_mels + 1
        self.conv = nn.Conv2d(1, n_padded, (width_frames, height_mels))
        self.conv.weight.data = _grown(weight * sign[:, None, None, None], n_padded)
        assert block.conv.bias is not None
        self.conv.bias = nn.Parameter(_grown(block.conv.bias.detach() * sign, n_padded))
        for name, values in (("sign", sign), ("scale", scale), ("shift", shift)):
            self.register_buffer(name, values[:, None])

    def forward(self, normalised: Tensor) -> Tensor:
        """(batch, 1, frames, mels) -> (batch, n_filters, frames)."""
        convolved = self.conv(functional.pad(normalised, (0, 0, *self.padding_frames)))
        highest = functional.max_pool2d(convolved, (1, self.n_positions)).squeeze(3)[:, : self.n_filters]
        return functional.relu(highest * self.sign) * self.scale + self.shift


class FastMusicnn(nn.Module):
    """Inference only: log-mel windows -> scores."""

    input_scale: Tensor
    input_shift: Tensor

    def __init__(self, network: Musicnn) -> None:
        super().__init__()
        scale, shift = folded_norm(network.input_norm)
        self.register_buffer("input_scale", scale)
        self.register_buffer("input_shift", shift)
        blocks = [block for block in network.front if isinstance(block, FrontBlock)]
        self.front = nn.ModuleList(
            FastFrontBlock(block, _BLOCK_FILTERS if block.conv.kernel_size[1] > 1 else 64) for block in blocks
        )
        self.mid = nn.ModuleList(block for block in network.mid if isinstance(block, MidBlock))
        self.dense = dense_after(network.pooled_norm, network.dense)
        self.output = dense_after(network.dense_norm, network.output)

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> scores in 0..1, (batch, n_labels)."""
        normalised = (log_mel * self.input_scale + self.input_shift).unsqueeze(1)
        front = torch.cat([block(normalised) for block in self.front], dim=1)
        first = self.mid[0](front)
        second = first + self.mid[1](first)
        third = second + self.mid[2](second)
        features = torch.cat([front, first, second, third], dim=1)
        pooled = torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2).flatten(1)
        return torch.sigmoid(self.output(functional.relu(self.dense(pooled))))


def folded_norm(norm: Norm) -> tuple[Tensor, Tensor]:
    """(scale, shift) of a batch normalisation in evaluation: y = scale * x + shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    return scale, (norm.bias - norm.running_mean * scale).detach()


def dense_after(norm: nn.BatchNorm1d, dense: nn.Linear) -> nn.Linear:
    """One dense layer equal to `dense` after `norm`, computed in double precision."""
    scale, shift = folded_norm(norm)
    weight, bias = dense.weight.detach().double(), dense.bias.detach().double()
    folded = nn.Linear(dense.in_features, dense.out_features)
    folded.weight.data = (weight * scale.double()).float()
    folded.bias.data = (weight @ shift.double() + bias).float()
    return folded


def _grown(values: Tensor, n: int) -> Tensor:
    """`values` with zeros appended along the first axis up to length n."""
    return torch.cat([values, values.new_zeros(n - len(values), *values.shape[1:])])

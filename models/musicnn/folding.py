"""Batch normalisations in evaluation, folded into what stands beside them. All exact but for rounding."""

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = nn.BatchNorm1d | nn.BatchNorm2d


def folded_norm(norm: Norm) -> tuple[Tensor, Tensor]:
    """(scale, shift), float64 (channels,) each, of a batch normalisation: y = scale * x + shift."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.detach().double() - norm.running_mean.double() * scale


def dense_after(norm: nn.BatchNorm1d, dense: nn.Linear) -> nn.Linear:
    """One dense layer equal to `dense` after `norm`."""
    scale, shift = folded_norm(norm)
    weight, bias = dense.weight.detach().double(), dense.bias.detach().double()
    folded = nn.Linear(dense.in_features, dense.out_features)
    folded.weight.data = (weight * scale).float()
    folded.bias.data = (weight @ shift + bias).float()
    return folded


def grown(values: Tensor, n: int) -> Tensor:
    """`values` with zeros appended along the first axis up to length n."""
    return torch.cat([values, values.new_zeros(n - len(values), *values.shape[1:])])


def upward_sign(norm: Norm) -> Tensor:
    """-1 for the channels whose BN turns values upside down (negative gamma), else 1: float64 (channels,).

    A filter times this sign makes "maximum, then ReLU and BN" right: max(BN(ReLU(z))) = BN(ReLU(sign * max(sign * z))).
    """
    scale, _ = folded_norm(norm)
    return torch.where(scale < 0, -1.0, 1.0).double()


class MaximumActivation(nn.Module):
    """ReLU and BN of values that were maximised with their filters' `upward_sign`."""

    sign: Tensor
    bias: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, biases: list[Tensor], norms: list[Norm], n_channels: int) -> None:
        """`biases` and `norms` of the convolutions, in the order of the channels; zeros up to n_channels."""
        super().__init__()
        folded = [folded_norm(norm) for norm in norms]
        columns = {
            "sign": torch.cat([upward_sign(norm) for norm in norms]),
            "bias": torch.cat([bias.detach().double() for bias in biases]),
            "scale": torch.cat([scale for scale, _ in folded]),
            "shift": torch.cat([shift for _, shift in folded]),
        }
        for name, column in columns.items():
            self.register_buffer(name, grown(column, n_channels).float()[:, None])

    def with_exact_shifts(self) -> Tensor:
        """Stretch the channels, by 0.4 % at most, until every shift is a bfloat16 number: their factors, (n_channels,).

        A filter that hears nothing answers its shift, frame after frame. Rounded to bfloat16 that would be the same
        error in every frame, which no mean over time takes out. Whoever reads a channel divides by its factor.
        """
        exact = self.shift.bfloat16().float()
        factors = torch.where(self.shift == 0, 1.0, exact / self.shift)
        self.scale, self.shift = self.scale * factors, exact
        return factors[:, 0]

    def forward(self, highest: Tensor) -> Tensor:
        """(batch, n_channels, frames), the maxima over frequency without bias -> the same shape, activated."""
        return functional.relu(highest * self.sign + self.bias) * self.scale + self.shift

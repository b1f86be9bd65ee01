"""Batch normalisation over the windows of every process, so that two of them learn what one with both shares would.

torch's own SyncBatchNorm computes the same on GPUs only.
"""

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm


class _Summed(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(_context: object, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: object, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncedNorm(nn.Module):
    """Stands in for `norm` and shares its parameters, if it has any, and running statistics, under the same names."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__()
        self.eps, self.momentum = norm.eps, norm.momentum
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))

    def forward(self, values: Tensor) -> Tensor:
        """(batch, channels, ...) -> the same shape, normalised."""
        shape = (1, -1, *[1] * (values.ndim - 2))
        if not self.training:
            mean, variance = self.running_mean, self.running_var
        else:
            mean, variance, n = self._statistics(values.float(), shape)
            self._remember(mean, variance * (n / (n - 1)))
        scale = 1 / torch.sqrt(variance + self.eps)
        if self.weight is not None:
            scale = self.weight * scale
        shift = -mean * scale
        if self.bias is not None:
            shift = self.bias + shift
        return (values * scale.view(shape) + shift.view(shape)).to(values.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Without a momentum every batch there ever was counts the same."""
        self.num_batches_tracked += 1
        share = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)

    def _statistics(self, values: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor, float]:
        """(mean, variance) of each channel over all processes' values, and how many they are of."""
        others = [axis for axis in range(values.ndim) if axis != 1]
        count = torch.tensor([float(values.numel() // values.shape[1])], device=values.device)
        sums = torch.cat([values.sum(dim=others), count])
        total: Tensor = _Summed.apply(sums)  # type: ignore[no-untyped-call]
        n = total[-1].item()
        mean = total[:-1] / n
        away: Tensor = _Summed.apply((values - mean.view(shape)).square().sum(dim=others))  # type: ignore[no-untyped-call]
        return mean, away / n, n


def with_synced_norms(network: nn.Module) -> nn.Module:
    """`network` itself, its batch normalisations replaced; the names in its state stay what they were."""
    for name, child in list(network.named_children()):
        if isinstance(child, _BatchNorm):
            setattr(network, name, SyncedNorm(child))
        else:
            with_synced_norms(child)
    return network

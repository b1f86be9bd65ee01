"""The random draws of one batch's augmentation, made on the CPU and then moved to where the batch lies."""

import numpy as np
import torch
from torch import Tensor


class Draws:
    """Draws for batches of the shape and on the device of `like` (batch, frames, mels)."""

    def __init__(self, generator: torch.Generator, like: Tensor) -> None:
        self._generator, self._like = generator, like

    def rows(self, probability: float) -> Tensor | None:
        """The windows that are met, int64 (n_rows,); None for none."""
        if not probability:
            return None
        met = torch.rand(len(self._like), generator=self._generator) < probability
        rows = met.nonzero()[:, 0]
        return rows.to(self._like.device) if len(rows) else None

    def between(self, rows: Tensor, low: float, high: float) -> Tensor:
        """(n_rows,), uniform."""
        uniform = torch.rand(len(rows), generator=self._generator)
        return (low + (high - low) * uniform).to(self._like.device)

    def beta(self, rows: Tensor, alpha: float) -> Tensor:
        """(n_rows,) of Beta(alpha, alpha); torch has it, but not from a generator."""
        seed = int(torch.randint(2**62, (1,), generator=self._generator))
        drawn = np.random.default_rng(seed).beta(alpha, alpha, len(rows))
        return torch.from_numpy(drawn.astype(np.float32)).to(self._like.device)

    def others(self) -> Tensor:
        """For each window of the batch another one, int64 (batch,): a cycle through all of them."""
        order = torch.randperm(len(self._like), generator=self._generator)
        others = torch.empty_like(order)
        others[order] = order.roll(1)
        return others.to(self._like.device)

    def exponential(self, rows: Tensor) -> Tensor:
        """(n_rows, frames, mels) of mean 1."""
        noise = torch.empty(len(rows), *self._like.shape[1:])
        return noise.exponential_(generator=self._generator).to(self._like.device)

    def normal(self, rows: Tensor) -> Tensor:
        """(n_rows, frames, features) of mean 0 and deviation 1."""
        return torch.randn(len(rows), *self._like.shape[1:], generator=self._generator).to(self._like.device)

    def stretches(self, rows: Tensor, size: int, most: float) -> Tensor:
        """bool (n_rows, size), True in one run of at most `most` (a share) of it."""
        widths = torch.rand(len(rows), 1, generator=self._generator) * most * size
        starts = torch.rand(len(rows), 1, generator=self._generator) * (size - widths)
        places = torch.arange(size)
        return ((places >= starts.round()) & (places < (starts + widths).round())).to(self._like.device)

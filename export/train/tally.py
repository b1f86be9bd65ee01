"""Sums over an epoch's training batches."""

import math

import torch
from torch import Tensor


class Tally:
    """Loss and recall of an epoch as it goes, summed where the network computes.

    Recall is the share of positives (targets over a half) that are called: where a clip may have several labels those
    whose logit is over 0, else the highest.
    """

    def __init__(self, multi_label: bool, device: torch.device, sums: list[float]) -> None:
        """sums: what `sums` has said before, or nothing."""
        self._multi_label = multi_label
        self._sums = torch.tensor(sums or [0.0] * 4, dtype=torch.float64, device=device)

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """One batch: its mean loss (), logits and targets (batch, n_labels)."""
        with torch.no_grad():
            wanted = targets > 0.5
            called = logits > 0 if self._multi_label else logits == logits.amax(dim=1, keepdim=True)
            n = len(targets)
            found = torch.stack([loss * n, loss.new_tensor(n), (wanted & called).sum(), wanted.sum()])
            self._sums += found.double()

    @property
    def sums(self) -> list[float]:
        """[loss times windows, windows, positives found, positives]; of one process."""
        values: list[float] = self._sums.tolist()
        return values

    @property
    def tensor(self) -> Tensor:
        """`sums` as float64 (4,)."""
        return self._sums

    @property
    def loss(self) -> float:
        """The mean so far."""
        return mean_loss(self.sums)


def mean_loss(sums: list[float]) -> float:
    """A window's mean loss, of a tally's sums; NaN before the first."""
    return sums[0] / sums[1] if sums[1] else math.nan


def recall(sums: list[float]) -> float:
    """The share of positives found, of a tally's sums; 0 where there is none."""
    return sums[2] / sums[3] if sums[3] else 0.0

"""Training by several processes: each takes its share of every batch, and all keep the same network.

`torchrun --nproc-per-node 2 --no-python -- genred export train SET --run RUN` starts two (without the lone `--` it
takes --run for an option of its own); one alone is a team too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from export.data.decode import Floats
from export.errors import SettingsUnusable
from export.train.settings import TrainSettings
from export.train.synced_norm import with_synced_norms

_PATIENCE: Final = timedelta(hours=24)  # one process may fill the cache while the others wait


class Logits(nn.Module):
    """A network that is called for its logits: what a wrapper can call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> (batch, n_labels)."""
        found: Tensor = self.network.logits(inputs)  # type: ignore[operator]
        return found


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a run; rank 0 leads: it alone writes and shows. device: this process's."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.rank == 0

    def wait(self) -> None:
        """Until every process has come here."""
        if self.size > 1:
            dist.barrier()

    def summed(self, values: Tensor) -> Tensor:
        """The sum of every process's `values`."""
        if self.size > 1:
            values = values.to(self.device)
            dist.all_reduce(values)
        return values

    def told(self, value: float) -> float:
        """What the leader says."""
        if self.size == 1:
            return value
        said = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.broadcast(said, 0)
        return said.item()

    def gathered(self, rows: Floats) -> Floats:
        """Every process's `rows`, float32 (n, columns), one after the other; each may have another n."""
        if self.size == 1:
            return rows
        counts = self.summed(torch.eye(self.size, dtype=torch.int64)[self.rank] * len(rows)).tolist()
        padded = torch.zeros(max(counts), rows.shape[1], device=self.device)
        padded[: len(rows)] = torch.from_numpy(rows)
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return np.concatenate([part[:count].cpu().numpy() for part, count in zip(parts, counts, strict=True)])

    def model(self, network: nn.Module) -> nn.Module:
        """The network's logits as one module, whose gradients are the whole team's mean."""
        if self.size == 1:
            return Logits(network)
        return DistributedDataParallel(Logits(with_synced_norms(network)))


@contextmanager
def joined(settings: TrainSettings) -> Iterator[Team]:
    """This process's team, as torchrun has said in the environment; alone without it. SettingsUnusable."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    device = chosen_device(settings, int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1:
        yield Team(0, 1, device)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Team(dist.get_rank(), size, device)
        dist.barrier()  # who leaves early takes the connection away under who is still at work
    finally:
        dist.destroy_process_group()


def chosen_device(settings: TrainSettings, local_rank: int) -> torch.device:
    """Where this process computes. SettingsUnusable where it cannot."""
    there = torch.cuda.is_available()
    if settings.device == "cuda" and not there:
        raise SettingsUnusable("device = 'cuda': torch finds no GPU on this machine; use 'cpu' or 'auto'")
    if settings.device == "cpu" or not there:
        if settings.precision == "fp16":
            raise SettingsUnusable("precision = 'fp16' needs a GPU; 'bf16' works on processors too")
        return torch.device("cpu")
    device = torch.device("cuda", local_rank % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device

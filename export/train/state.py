"""What going on after a kill needs, in one file: weights, the optimiser's memory, and how far training had come.

A body that is frozen for good lies beside it (`export.train.frozen_body`).
No state of random generators: every batch draws from a seed that is made of its place.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from export.errors import InputUnusable
from export.train.frozen_body import joined_with_body, moving
from export.train.outcome import EpochFigures
from models.whole_file import whole_file

_KEY: Final = "genred.training"


@dataclass(slots=True)
class Place:
    """Where training stands.

    epoch: the one under way, from 1. batch: so many of its batches are done. sums: see `export.train.tally`.
    history: the epochs that are done. ended: why training is over, else "". processes: of the team.
    """

    processes: int
    epoch: int = 1
    batch: int = 0
    sums: list[float] = field(default_factory=list)
    epoch_s: float = 0.0
    history: list[EpochFigures] = field(default_factory=list)
    ended: str = ""

    @property
    def best(self) -> EpochFigures | None:
        """The best epoch so far."""
        return next((figures for figures in reversed(self.history) if figures.best), None)


def save_state(
    path: Path, place: Place, network: nn.Module, optimiser: torch.optim.Optimizer, scaler: GradScaler
) -> None:
    """Write all of it, whole or not at all; OSError."""
    tensors = {f"network.{name}": tensor for name, tensor in moving(network).items()}
    for number, memory in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": tensor for name, tensor in memory.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"place": asdict(place), "scaler": scaler.state_dict()})
    with whole_file(path) as file:
        file.write(safetensors.torch.save(tensors, {_KEY: text}))


def load_state(
    path: Path, body: Path, network: nn.Module, optimiser: torch.optim.Optimizer, scaler: GradScaler, processes: int
) -> Place:
    """Put weights and memories back and say where training stands. body: where a frozen one is kept.

    InputUnusable for a file that is no state of this run, or one of a team of another size than `processes`.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            noted = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        network.load_state_dict(joined_with_body(_under("network.", tensors), body, network))
        memories: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser.", tensors).items():
            number, _, what = name.partition(".")
            memories.setdefault(int(number), {})[what] = tensor
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": memories, "param_groups": groups})
        scaler.load_state_dict(noted["scaler"])
        place = _place(noted["place"])
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputUnusable(f"{path}: not the state of this run: {str(error).splitlines()[0]}") from None
    if place.processes != processes:
        raise InputUnusable(f"{path}: this run is of {place.processes} processes; go on with as many, not {processes}")
    return place


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _place(fields: dict[str, Any]) -> Place:
    history = [EpochFigures(**epoch) for epoch in fields.pop("history")]
    return Place(**fields, history=history)

"""Networks that have learnt already, by the names that a user gives them."""

from pathlib import Path

from torch import nn

from export.errors import InputUnusable
from export.train.trained import NetworkSpec, checkpoint_of, load_network
from models.catalogue import PRETRAINED


def initial_network(name: str) -> tuple[NetworkSpec, nn.Module]:
    """A shipped network's weights by name ("musicnn-msd"), a checkpoint or a run folder's. InputUnusable."""
    path = Path(name).expanduser()
    if path.exists():
        return load_network(checkpoint_of(path))
    if "/" not in name and (shipped := PRETRAINED / f"{name}.safetensors").is_file():
        return load_network(shipped)
    known = ", ".join(sorted(path.stem for path in PRETRAINED.glob("*.safetensors")))
    raise InputUnusable(f"initial: {name} is no checkpoint, no run folder and none of the shipped networks: {known}")

"""A trained network in one file: safetensors, whose metadata say how to build the network and what it listens to."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import safetensors
import safetensors.torch
from torch import Tensor, nn

from export.data.recipe import Recipe
from export.errors import InputUnusable
from export.train.published import transformers_there
from models.card import Activation, Label
from models.card_fields import as_mapping
from models.front_ends.fields import front_end_of
from models.networks.registry import NETWORKS, Options, architecture, make_network
from models.whole_file import whole_file

_KEY: Final = "genred.network"


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """How to build a network and feed it.

    network: a name of `models.networks.registry`. options: of its architecture, not those that a run begins with.
    notes: what training wants to hand on (figures, data, settings), JSON. columns: of a table that no front end
    computes, when the network takes its rows; it cannot hear, and `recipe` says nothing.
    """

    network: str
    labels: tuple[Label, ...]
    recipe: Recipe
    activation: Activation
    options: Options = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def build(self) -> nn.Module:
        """The network, freshly initialised. DependencyMissing."""
        shape = (len(self.columns),) if self.columns else self.recipe.input_shape
        with transformers_there(self.network):
            return make_network(self.network, len(self.labels), self.options, shape)


def save_network(path: Path, spec: NetworkSpec, weights: Mapping[str, Tensor]) -> None:
    """Write weights and spec to `path`, whole or not at all; OSError."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    fields = asdict(spec)
    fields["recipe"]["front_end"] = spec.recipe.front_end.as_fields()
    if not spec.columns:
        del fields["columns"]
    with whole_file(path) as file:
        file.write(safetensors.torch.save(tensors, {_KEY: json.dumps(fields, ensure_ascii=False)}))


def load_network(path: Path) -> tuple[NetworkSpec, nn.Module]:
    """Read spec and network (in evaluation mode) back; InputUnusable when it is something else, or cannot hear."""
    spec, network = read_network(path)
    if spec.columns:
        raise InputUnusable(
            f"{path} has learnt from a table whose columns no front end computes ({spec.columns[0]}, ...): "
            "it cannot hear music"
        )
    return spec, network


def read_network(path: Path) -> tuple[NetworkSpec, nn.Module]:
    """As `load_network`, also of a network that takes a table's rows. InputUnusable."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            spec = read_spec((file.metadata() or {})[_KEY])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        network = spec.build()
        network.load_state_dict(weights)
    except FileNotFoundError:
        raise InputUnusable(f"{path}: no such file") from None
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputUnusable(f"{path}: not a network that genred trained: {str(error).splitlines()[0]}") from None
    return spec, network.eval()


def checkpoint_of(path: Path) -> Path:
    """The checkpoint meant by a run folder (its best one) or by a .safetensors file itself. InputUnusable."""
    if path.is_dir():
        best = path / "checkpoints" / "best.safetensors"
        if not best.is_file():
            raise InputUnusable(f"{path} holds no trained network: {best.relative_to(path)} is not there")
        return best
    if not path.is_file():
        raise InputUnusable(f"{path}: no such file or run folder")
    return path


def read_spec(text: str) -> NetworkSpec:
    """A spec from its JSON; KeyError, TypeError or ValueError when it is none."""
    fields = json.loads(text)
    if fields["network"] not in NETWORKS:
        raise ValueError(f"unknown network {fields['network']!r}; known: {', '.join(sorted(NETWORKS))}")
    recipe = fields["recipe"]
    return NetworkSpec(
        network=fields["network"],
        labels=tuple(Label(entry["name"], entry["kind"]) for entry in fields["labels"]),
        recipe=Recipe(front_end_of(as_mapping(recipe["front_end"], "front_end")), recipe["window_s"], recipe["hop_s"]),
        activation=cast(Activation, fields["activation"]),
        options=architecture(fields["network"], fields["options"]),  # older files have what the run began with, too
        notes=fields["notes"],
        columns=tuple(fields.get("columns", ())),
    )

"""A frozen body lies in a run's folder once: it says the same after every epoch, and may be hundreds of megabytes."""

from pathlib import Path
from typing import Final

import safetensors
import safetensors.torch
from torch import Tensor, nn

from export.errors import InputUnusable
from models.networks.embedding_mlp import EmbeddingMlp
from models.whole_file import whole_file

_BODY: Final = "body."


def keep_body(path: Path, network: EmbeddingMlp) -> None:
    """Write the body's weights, whole or not at all; OSError."""
    tensors = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(_BODY)}
    with whole_file(path) as file:
        file.write(safetensors.torch.save({name: each.detach().cpu().contiguous() for name, each in tensors.items()}))


def moving(network: nn.Module) -> dict[str, Tensor]:
    """The state of all that training can change: without the body where that is frozen for good."""
    state = network.state_dict()
    if not isinstance(network, EmbeddingMlp):
        return state
    return {name: tensor for name, tensor in state.items() if not name.startswith(_BODY)}


def joined_with_body(state: dict[str, Tensor], path: Path, network: nn.Module) -> dict[str, Tensor]:
    """`moving`'s state and the body kept at `path`; a state that has one already stays as it is. InputUnusable."""
    if not isinstance(network, EmbeddingMlp) or any(name.startswith(_BODY) for name in state):
        return state
    try:
        return {**safetensors.torch.load_file(path), **state}
    except FileNotFoundError:
        raise InputUnusable(f"{path} is not there: the run's frozen body; put it back, or begin another run") from None
    except (safetensors.SafetensorError, OSError) as error:
        raise InputUnusable(f"{path}: not the frozen body of this run: {str(error).splitlines()[0]}") from None

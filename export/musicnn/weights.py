"""The variables of a musicnn checkpoint -> the state of `models.musicnn.network.Musicnn`."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from export.musicnn.tf_checkpoint import CheckpointError, read_checkpoint
from models.musicnn.network import Musicnn

Variables = Mapping[str, npt.NDArray[np.generic]]

_ADAM_SLOTS = ("/Adam", "/Adam_1", "beta1_power", "beta2_power")
# In the order TensorFlow numbered them: conv2d, conv2d_1, ...; the first normalisation is the input's.
_CONVOLUTIONS = (*(f"front.{block}" for block in range(5)), *(f"mid.{block}" for block in range(3)))
_NORMALISATIONS = ("input_norm", *(f"{block}.norm" for block in _CONVOLUTIONS), "pooled_norm", "dense_norm")
_NORM_PARTS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def load_musicnn(folder: Path) -> Musicnn:
    """The network of a checkpoint folder (`.../MSD_musicnn`), in evaluation mode.

    The checkpoint's prefix is the folder itself with a slash: its files are named `.index` and `.data-...`.
    Raises CheckpointError where a variable is missing, left over, or of another shape; OSError.
    """
    variables = read_checkpoint(f"{folder}/", skip_suffixes=_ADAM_SLOTS)
    state = musicnn_state(variables)
    network = Musicnn(n_labels=len(state["output.bias"]))
    try:
        network.load_state_dict(state)
    except RuntimeError as error:  # torch's message names every key and shape that differs
        raise CheckpointError(f"{folder}: not a musicnn checkpoint: {error}") from None
    return network.eval()


def musicnn_state(variables: Variables) -> dict[str, Tensor]:
    """TensorFlow's variables by torch's names and in torch's axis orders. CheckpointError for one missing or extra."""
    left = dict(variables)
    state: dict[str, Tensor] = {}
    for number, block in enumerate(_CONVOLUTIONS):
        source = _numbered("conv2d", number)
        kernel = _taken(left, f"{source}/kernel")
        mid = block.startswith("mid")  # there TensorFlow's kernel spans all channels as if they were a height
        state[f"{block}.conv.weight"] = _tensor(
            kernel[:, :, 0].transpose(2, 1, 0) if mid else kernel.transpose(3, 2, 0, 1)
        )
        state[f"{block}.conv.bias"] = _tensor(_taken(left, f"{source}/bias"))
    for number, norm in enumerate(_NORMALISATIONS):
        for theirs, ours in _NORM_PARTS.items():
            state[f"{norm}.{ours}"] = _tensor(_taken(left, f"{_numbered('batch_normalization', number)}/{theirs}"))
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    for number, layer in enumerate(("dense", "output")):
        state[f"{layer}.weight"] = _tensor(_taken(left, f"{_numbered('dense', number)}/kernel").T)
        state[f"{layer}.bias"] = _tensor(_taken(left, f"{_numbered('dense', number)}/bias"))
    if left:
        raise CheckpointError(f"not a musicnn checkpoint: unexpected variables {', '.join(sorted(left))}")
    return state


def _numbered(kind: str, number: int) -> str:
    """TensorFlow's names: kind, kind_1, kind_2, ..."""
    return f"{kind}_{number}" if number else kind


def _taken(variables: dict[str, npt.NDArray[np.generic]], name: str) -> npt.NDArray[np.generic]:
    """Remove and return one variable."""
    if name not in variables:
        raise CheckpointError(f"not a musicnn checkpoint: the variable {name!r} is missing")
    return variables.pop(name)


def _tensor(values: npt.NDArray[np.generic]) -> Tensor:
    """A float32 copy in C order."""
    return torch.from_numpy(np.array(values, dtype=np.float32, order="C"))

"""What photographs have taught ResNet50, for a run to begin with: torchvision's published weights, from a file.

Of what the file says only tensors are read: .safetensors, or torch's own format without any code in it; see
docs/adr/0011-weights-only.md.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from export.errors import InputUnusable, SettingsUnusable
from export.train.settings import TrainSettings
from models.networks.resnet50 import ResNet50

_HEAD: Final = "fc."
_FIRST_CONV: Final = "conv1."


def begin_with_weights(network: ResNet50, settings: TrainSettings) -> None:
    """Put the state dict of torchvision's ResNet50 that the option `weights` names into `network`; nothing without.

    Its head is left out, and the first convolution too unless the option `first_conv` is "kept". InputUnusable,
    SettingsUnusable.
    """
    options = settings.network_options
    if not options.get("weights"):
        return
    path, kept = Path(str(options["weights"])).expanduser(), options.get("first_conv") == "kept"
    if settings.frozen == "body" and not kept:
        raise SettingsUnusable(
            "frozen = 'body' of a resnet50 needs network_options.first_conv = 'kept': a new first convolution would "
            "never learn"
        )
    left_out = _HEAD if kept else (_HEAD, _FIRST_CONV)
    weights = {name: tensor for name, tensor in _tensors(path).items() if not name.startswith(left_out)}
    if not kept:
        weights |= {name: own for name, own in network.body.state_dict().items() if name.startswith(_FIRST_CONV)}
    try:
        network.body.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputUnusable(
            f"network_options.weights: {path} is not the state dict of torchvision's ResNet50: {reason}"
        ) from None


def _tensors(path: Path) -> Mapping[str, Tensor]:
    """By name, on the CPU."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputUnusable(f"network_options.weights: {path}: no such file") from None
    except Exception as error:  # of bytes that are no weights the restricted unpickler raises anything: IndexError, ...
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputUnusable(
            f"network_options.weights: {path} holds no weights that can be read without running code ({said}); "
            "give a .safetensors file, or what torch.save writes of a state_dict()"
        ) from None
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputUnusable(f"network_options.weights: {path} is not a state dict: it holds more than tensors by name")
    return found

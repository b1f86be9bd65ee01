"""Published Wav2Vec2 checkpoints: a folder, or a name on the Hugging Face hub.

Their architecture is put into a run's options when it begins, so that the run's own checkpoints are all that going on,
evaluating and converting need. Weights are read from safetensors only, never from a pickle.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
from torch import Tensor

from export.errors import DependencyMissing, InputUnusable
from models.networks.registry import Options
from models.networks.wav2vec2 import BASE, config_text

NEEDS_TRANSFORMERS: Final = ("wav2vec2", "wav2vec2-mlp")  # of `models.networks.registry`
_CONFIG: Final = "config.json"
_WEIGHTS: Final = "model.safetensors"
_INDEX: Final = "model.safetensors.index.json"  # of weights in several files
_BODY: Final = "wav2vec2."
_PREFIXES: Final = (_BODY, "projector.", "classifier.")
_FORMER_NAMES: Final = {
    ".weight_g": ".parametrizations.weight.original0",
    ".weight_v": ".parametrizations.weight.original1",
}


@contextmanager
def transformers_there(network: str) -> Iterator[None]:
    """What fails for want of transformers becomes DependencyMissing."""
    try:
        yield
    except ImportError as error:
        if network not in NEEDS_TRANSFORMERS:
            raise
        raise DependencyMissing(
            f"network {network} needs the package transformers ({error}): pip install 'genred[transformers]'"
        ) from None


def with_config(network: str, options: Options, before: Options) -> dict[str, int | float | str | bool]:
    """`options` with the architecture of the checkpoint they name; as they are where it is known, or there is none.

    before: a run's that goes on: what it knows of the same checkpoint. InputUnusable, DependencyMissing.
    """
    if network not in NEEDS_TRANSFORMERS or options.get("config"):
        return dict(options)
    checkpoint = str(options.get("checkpoint", BASE))
    if before.get("checkpoint") == checkpoint and before.get("config"):
        return {**options, "checkpoint": checkpoint, "config": before["config"]}
    with transformers_there(network):
        import transformers  # noqa: F401 - before anything is fetched for it

        return {**options, "checkpoint": checkpoint, "config": config_text(_config(_folder(checkpoint)))}


def published_weights(checkpoint: str, label_names: tuple[str, ...]) -> dict[str, Tensor]:
    """The weights under the names of `models.networks.wav2vec2.Wav2Vec2`: of the body, of the projector where there is
    one, and of the output where it is for just these labels. InputUnusable, DependencyMissing.
    """
    folder = _folder(checkpoint)
    config, found = _config(folder), {}
    for name, tensor in _tensors(folder):
        for former, now in _FORMER_NAMES.items():
            name = name.removesuffix(former) + now if name.endswith(former) else name
        if not name.startswith(_PREFIXES) and "Wav2Vec2Model" in config["architectures"]:
            name = _BODY + name
        if name.startswith(_PREFIXES):
            found[name.replace("classifier.", "output.", 1) if name.startswith("classifier.") else name] = (
                tensor.float()
            )
    names = config["id2label"]
    if label_names != tuple(names.get(str(number)) for number in range(len(names))):
        found = {name: tensor for name, tensor in found.items() if not name.startswith("output.")}
    if not any(name.startswith(_BODY) for name in found):
        raise InputUnusable(
            f"{folder} has no weights of a wav2vec2: its names begin with none of {', '.join(_PREFIXES)}"
        )
    return found


def _folder(checkpoint: str) -> Path:
    """Where the checkpoint's files lie; of a name on the hub, where they have been fetched to."""
    path = Path(checkpoint).expanduser()
    if path.is_dir():
        return path
    if path.exists() or checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") != 1:
        raise InputUnusable(
            f"network_options.checkpoint: {checkpoint} is no folder with {_CONFIG} and {_WEIGHTS}, and no name on the "
            f"Hugging Face hub, such as {BASE}"
        )
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError

    wanted = [_CONFIG, _WEIGHTS, _INDEX, "model-*.safetensors"]
    try:
        return Path(huggingface_hub.snapshot_download(checkpoint, allow_patterns=wanted))
    except RepositoryNotFoundError:
        raise InputUnusable(
            f"network_options.checkpoint: {checkpoint} is no folder, and no model of the Hugging Face hub that may be "
            "fetched"
        ) from None
    except Exception as error:  # of the network, the disk and the hub, which share no base
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise DependencyMissing(
            f"network_options.checkpoint: {checkpoint} is no folder here, and the Hugging Face hub did not give it "
            f"({said[0]}); fetch it elsewhere, and name the folder"
        ) from None


def _config(folder: Path) -> dict[str, Any]:
    config = _json(folder / _CONFIG)
    if config.get("model_type") != "wav2vec2":
        raise InputUnusable(f"{folder} is a {config.get('model_type', 'model of no type')}, and no wav2vec2")
    if config.get("add_adapter") or config.get("use_weighted_layer_sum"):
        raise InputUnusable(f"{folder} has an adapter or a weighted sum of layers; genred's wav2vec2 has neither")
    for key, usual, said in (("architectures", [], "list"), ("id2label", {}, "table")):
        if not isinstance(config.setdefault(key, usual), type(usual)):
            raise InputUnusable(f"{folder / _CONFIG}: {key} is no {said}; save it anew with save_pretrained")
    return config


def _tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    files = [_WEIGHTS]
    if (folder / _INDEX).is_file():
        listed = _json(folder / _INDEX).get("weight_map")
        files = sorted({Path(str(name)).name for name in listed.values()}) if isinstance(listed, Mapping) else []
    for name in files:
        if not (folder / name).is_file():
            raise InputUnusable(
                f"{folder} has no {name}: weights are read from safetensors only, never from a pickle such as "
                "pytorch_model.bin; save it anew with save_pretrained, or take another checkpoint"
            )
        try:
            yield from safetensors.torch.load_file(folder / name).items()
        except (safetensors.SafetensorError, OSError) as error:
            raise InputUnusable(f"{folder / name} is not whole: {error}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputUnusable(f"{path.parent} has no {path.name}: it is no checkpoint of transformers") from None
    except (OSError, ValueError) as error:
        raise InputUnusable(f"{path} cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise InputUnusable(f"{path} holds no JSON object")
    return fields

"""Which device is meant, and whether it can be used: never a silent run elsewhere."""

from __future__ import annotations

import torch

from daemon.device import wants_gpu
from daemon.errors import AcceleratorUnavailable


def open_device(wanted: str) -> torch.device:
    """The device of a setting `auto`, `cpu`, `cuda` or `cuda:N`; auto is the first GPU if it can be used, else the CPU.

    AcceleratorUnavailable, with the reason, when a GPU was named and cannot be used. SettingsError for other words.
    """
    if not wants_gpu(wanted):
        return torch.device("cpu")
    kind, _, number = wanted.partition(":")
    index = int(number or 0)
    trouble = _trouble(index)
    if trouble is None:
        return torch.device("cuda", index)
    if kind == "cuda":
        raise AcceleratorUnavailable(f'engine.device={wanted}: {trouble}; or set device = "cpu"')
    return torch.device("cpu")


def _trouble(index: int) -> str | None:
    """Why torch cannot use GPU `index`, with what to do; None when it can."""
    if not torch.cuda.is_available():
        return "torch sees no GPU here; check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES"
    if index >= torch.cuda.device_count():
        return f"there are {torch.cuda.device_count()} GPUs here, numbered from 0"
    return None

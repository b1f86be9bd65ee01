"""Which device is meant, and whether it can be used: never a silent run elsewhere."""

from __future__ import annotations

import torch  # before onnxruntime: it loads the CUDA libraries that the provider needs

import onnxruntime as ort  # isort: skip

from daemon.errors import AcceleratorUnavailable, SettingsError

CUDA_PROVIDER = "CUDAExecutionProvider"


def open_device(wanted: str) -> torch.device:
    """The device of a setting `auto`, `cpu`, `cuda` or `cuda:N`; auto is the first GPU if it can be used, else the CPU.

    AcceleratorUnavailable, with the reason, when a GPU was named and cannot be used. SettingsError for other words.
    """
    kind, _, number = wanted.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdecimal())):
        raise SettingsError(f"engine.device={wanted!r}: use auto, cpu, cuda or cuda:N")
    index = int(number or 0)
    trouble = None if kind == "cpu" else cuda_trouble(index)
    if kind == "cuda" and trouble is not None:
        raise AcceleratorUnavailable(f'engine.device={wanted}: {trouble}; or set device = "cpu"')
    if kind == "cpu" or trouble is not None:
        return torch.device("cpu")
    return torch.device("cuda", index)


def cuda_trouble(index: int) -> str | None:
    """Why GPU `index` cannot be used, with what to do; None when it can."""
    if not torch.cuda.is_available():
        return "torch sees no GPU here; check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES"
    if index >= torch.cuda.device_count():
        return f"there are {torch.cuda.device_count()} GPUs here, numbered from 0"
    if CUDA_PROVIDER not in ort.get_available_providers():
        known = ", ".join(ort.get_available_providers())
        return f"this onnxruntime has no CUDA provider (it has {known}); install genred[gpu] instead of genred[cpu]"
    return None

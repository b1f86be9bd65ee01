"""Which kind of device a setting means, told without loading what only a GPU needs."""

from __future__ import annotations

import onnxruntime as ort

from daemon.errors import AcceleratorUnavailable, SettingsError

CUDA_PROVIDER = "CUDAExecutionProvider"


def wants_gpu(device: str) -> bool:
    """Whether `device` (auto, cpu, cuda, cuda:N) is a GPU here: auto is one where this onnxruntime can use it.

    AcceleratorUnavailable when one was asked for and this onnxruntime cannot: never a silent run on the CPU.
    SettingsError for other words.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and (kind != "cuda" or not number.isdecimal())):
        raise SettingsError(f"engine.device={device!r}: use auto, cpu, cuda or cuda:N")
    available = ort.get_available_providers()
    if kind == "cuda" and CUDA_PROVIDER not in available:
        raise AcceleratorUnavailable(
            f"engine.device={device}: this onnxruntime has no CUDA provider (it has {', '.join(available)}); "
            'install genred[gpu] instead of genred[cpu], or set device = "cpu"'
        )
    return kind == "cuda" or (kind == "auto" and CUDA_PROVIDER in available)

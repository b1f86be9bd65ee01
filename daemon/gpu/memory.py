"""A full device, said in a way that helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from daemon.errors import AcceleratorOutOfMemory

# How ONNX Runtime, cuDNN and cuBLAS say it; their exceptions have no class of their own.
_SIGNS = ("out of memory", "failed to allocate memory", "alloc_failed", "available memory of")


@contextmanager
def memory_guard(device: torch.device, windows: int) -> Iterator[None]:
    """A failed allocation inside becomes AcceleratorOutOfMemory, which names the batch of `windows` and what to set."""
    try:
        yield
    except Exception as error:  # onnxruntime's exceptions share no base class
        if not is_out_of_memory(error):
            raise
        raise AcceleratorOutOfMemory(
            f"{device}: out of memory with a batch of {windows} windows{_free(device)}; set engine.max_batch to "
            f"{max(1, windows // 2)} or less, or end what else uses the device"
        ) from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception of torch or ONNX Runtime means that the device is full."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return any(sign in text for sign in _SIGNS)


def _free(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f" ({free >> 20} MiB of {total >> 20} MiB were free)"

"""How a network is to be run on the device, and what that means to ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch  # before onnxruntime: it loads the CUDA libraries that the providers need

import onnxruntime as ort  # isort: skip

from daemon.device import CUDA_PROVIDER
from daemon.errors import AcceleratorUnavailable, SettingsError
from daemon.inference import CPU_PROVIDER
from models.card import Card

TENSORRT_PROVIDER = "TensorrtExecutionProvider"
Provider = tuple[str, dict[str, str]]


class Precision(StrEnum):
    """What the network computes in."""

    FP32 = "fp32"
    TF32 = "tf32"  # float32 in and out, products of 10-bit mantissas on the tensor cores
    FP16 = "fp16"
    BF16 = "bf16"


class Backend(StrEnum):
    """Who computes the network."""

    CUDA = "cuda"
    TENSORRT = "tensorrt"


# Largest deviation of a score from the card's golden output: what a precision may lose. A wrong file or a wrong runtime
# is off by tenths.
GOLDEN_TOLERANCE = {Precision.FP32: 1e-3, Precision.TF32: 5e-3, Precision.FP16: 1e-2, Precision.BF16: 3e-2}


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How a network runs.

    precision: with the CUDA provider, fp16 and bf16 need a file that was converted (its input says so); TensorRT builds
    either from the float32 file. cuda_graphs: batches are padded to powers of two up to max_batch, and the kernels of
    each size are launched as one. engine_cache: the folder where TensorRT keeps what takes it minutes to build.
    threads: of the CPU provider, when that is where it runs.
    """

    precision: Precision = Precision.FP32
    backend: Backend = Backend.CUDA
    cuda_graphs: bool = False
    max_batch: int = 256
    engine_cache: Path | None = None
    threads: int = 1


def providers(options: NetworkOptions, card: Card, device: torch.device, stream: int | None) -> list[Provider]:
    """ONNX Runtime's provider list: what was asked for, on the CUDA stream of the handle `stream` (none on the CPU).

    AcceleratorUnavailable when this onnxruntime lacks it; SettingsError when the options contradict one another.
    """
    cpu: Provider = (CPU_PROVIDER, {})
    if device.type == "cpu":
        if options.backend is Backend.TENSORRT:
            raise SettingsError("TensorRT needs a GPU: set device = cuda")
        return [cpu]
    shared = {"device_id": str(device.index or 0), "user_compute_stream": str(stream)}
    cuda = (CUDA_PROVIDER, shared | _cuda(options))
    if options.backend is Backend.CUDA:
        return [cuda, cpu]
    if TENSORRT_PROVIDER not in ort.get_available_providers():
        raise AcceleratorUnavailable(
            f"this onnxruntime has no TensorRT provider (it has {', '.join(ort.get_available_providers())}); "
            "install TensorRT beside it, or use the CUDA provider"
        )
    return [(TENSORRT_PROVIDER, shared | _tensorrt(options, card)), cuda, cpu]


def _cuda(options: NetworkOptions) -> dict[str, str]:
    return {
        "use_tf32": _flag(options.precision is not Precision.FP32),
        "enable_cuda_graph": _flag(options.cuda_graphs and options.backend is Backend.CUDA),
        "arena_extend_strategy": "kSameAsRequested",  # the other one doubles, beside torch's own memory
        # The search is made anew for every batch size: it pays where there are few of them.
        "cudnn_conv_algo_search": "EXHAUSTIVE" if options.cuda_graphs else "HEURISTIC",
    }


def _tensorrt(options: NetworkOptions, card: Card) -> dict[str, str]:
    if options.engine_cache is None:
        raise SettingsError("TensorRT needs a folder for its engines, which take minutes to build: set engine_cache")
    folder = str(options.engine_cache)

    def shape(batch: int) -> str:
        return f"{card.input_name}:" + "x".join(str(size) for size in (batch, *card.input_shape))

    return {
        "trt_fp16_enable": _flag(options.precision is Precision.FP16),
        "trt_bf16_enable": _flag(options.precision is Precision.BF16),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
        "trt_profile_min_shapes": shape(1),
        "trt_profile_opt_shapes": shape(options.max_batch),
        "trt_profile_max_shapes": shape(options.max_batch),
        "trt_cuda_graph_enable": _flag(options.cuda_graphs),
    }


def _flag(value: bool) -> str:
    return "1" if value else "0"

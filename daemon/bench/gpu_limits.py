"""What the device could do at most, measured beside the scorer, and what a window asks of it: the roofline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from daemon.gpu.lanes import Lanes
from daemon.gpu.network_options import Precision

_REPEATS = 10
_TYPES = {Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}


@dataclass(frozen=True, slots=True)
class WindowCost:
    """A window's floating point operations, and the bytes that its operators read and write one by one (float32)."""

    flop: float
    memory_bytes: float


# Counted from the graphs, operator by operator; a multiplication and an addition are two operations. Of the shipped
# networks with the carry of the window before, of the plain one for whole windows. What a runtime fuses into one kernel
# moves fewer bytes; half precision moves half of them. (Bytes of the shipped networks: 165e6 with all filters, in the
# ratio of the sizes of the two graphs' tensors.)
KNOWN_COSTS = {
    "musicnn-msd": WindowCost(0.161e9, 55e6),
    "musicnn-mtt": WindowCost(0.308e9, 86e6),
    "musicnn-msd-plain": WindowCost(3.739e9, 205e6),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Peaks: operations a second of matrix products, bytes a second up the bus and in device memory."""

    flop_per_s: float
    bus_bytes_per_s: float
    memory_bytes_per_s: float

    def windows_per_s(self, cost: WindowCost, bus_bytes: float, precision: Precision) -> dict[str, float]:
        """Windows a second that each peak allows."""
        half = 0.5 if precision in _TYPES else 1.0
        return {
            "compute": self.flop_per_s / cost.flop,
            "memory": self.memory_bytes_per_s / (half * cost.memory_bytes),
            "bus": self.bus_bytes_per_s / bus_bytes,
        }


def measure_limits(lanes: Lanes, precision: Precision) -> Limits:
    """Products of large matrices in `precision`, and large copies; small ones on the CPU, where only tests ask."""
    side, megabytes = (8192, 512) if lanes.on_gpu else (256, 8)
    with lanes.computing(), torch.inference_mode():
        given = torch.randn((side, side), device=lanes.device).to(_TYPES.get(precision, torch.float32))
        out = torch.empty_like(given)
        allowed = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = precision is Precision.TF32
        product_s = _seconds(lanes, lambda: torch.mm(given, given, out=out))
        torch.backends.cuda.matmul.allow_tf32 = allowed
        host = torch.empty(megabytes << 20, dtype=torch.uint8, pin_memory=lanes.on_gpu)
        first, second = (torch.empty_like(host, device=lanes.device) for _ in range(2))
        up_s = _seconds(lanes, lambda: first.copy_(host, non_blocking=True))
        copy_s = _seconds(lanes, lambda: second.copy_(first))
    size = megabytes << 20
    return Limits(2 * side**3 / product_s, size / up_s, 2 * size / copy_s)  # a copy reads and writes


def _seconds(lanes: Lanes, work: Callable[[], object]) -> float:
    """Device seconds of one call, after one to warm up."""
    work()
    started = lanes.mark_work()
    for _ in range(_REPEATS):
        work()
    done = lanes.mark_work()
    done.wait()
    return done.seconds_since(started) / _REPEATS

"""The machine's limit, measured beside the engine: large matrix products, fused multiply-adds and little else.

python -m daemon.bench.limits '{"workers": 1, "seconds": 1}', with OpenBLAS and the like at one thread
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any

import numpy as np
import onnxruntime as ort

from daemon.bench.children import answer, asked
from daemon.bench.matmul_onnx import matmul_model

SIDES = (256, 512, 1024)  # of the square matrices; which one is fastest depends on the caches
PERIOD_S = 0.002  # shorter than what a scheduler gives to a thread at once

Product = Callable[[], object]


def measure(workers: int, seconds: float) -> dict[str, Any]:
    """GFLOP/s of `workers` threads at once, by library and side, and the largest of them."""
    found: dict[str, float] = {}
    contenders = [(f"{library} {side}", side, make) for library, make in _LIBRARIES.items() for side in SIDES]
    for name, side, make in contenders:
        products = [make(side) for _ in range(workers)]
        found[name] = round(_best(products, 2 * side**3, seconds / len(contenders)) / 1e9, 1)
    return {"gflop_per_s": max(found.values()), "by": found}


def _best(products: list[Product], operations: int, seconds: float) -> float:
    """Operations a second of all threads together, each at its best while the others are at work, too."""
    with ThreadPoolExecutor(len(products)) as pool:
        periods_s = pool.map(lambda product: _shortest_s(product, seconds), products)
        return sum(operations / period_s for period_s in periods_s)


def _shortest_s(product: Product, seconds: float) -> float:
    """Seconds of a product in the best of many short periods: other work on the machine only ever lengthens one."""
    product()
    repeats, shortest_s, ends = 1, inf, time.perf_counter() + seconds
    while shortest_s == inf or time.perf_counter() < ends:
        started = time.perf_counter()
        for _ in range(repeats):
            product()
        took_s = time.perf_counter() - started
        shortest_s = min(shortest_s, took_s / repeats)
        repeats = max(1, round(PERIOD_S / shortest_s))
    return shortest_s


def _numpy(side: int) -> Product:
    left, right = _matrices(side)
    out = np.empty_like(left)
    return lambda: np.matmul(left, right, out=out)


def _onnxruntime(side: int) -> Product:
    left, right = _matrices(side)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(matmul_model(right), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"left": left})


def _matrices(side: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.float32]]]:
    rng = np.random.default_rng(2026)
    left, right = rng.standard_normal((2, side, side), np.float32)
    return left, right


_LIBRARIES = {"numpy": _numpy, "onnxruntime": _onnxruntime}


def main() -> None:
    """Answer."""
    question = asked()
    answer(measure(int(question["workers"]), float(question["seconds"])))


if __name__ == "__main__":
    main()

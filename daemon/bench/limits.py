"""The machine's limit, measured beside the engine: large matrix products, fused multiply-adds and little else.

python -m daemon.bench.limits '{"workers": 1, "seconds": 1}', with OpenBLAS and the like at one thread
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort

from daemon.bench.children import answer, asked
from daemon.bench.matmul_onnx import matmul_model

SIDES = (256, 512, 1024)  # of the square matrices; which one is fastest depends on the caches
PERIOD_S = 0.02  # the peak is the best of many: other work on the machine only ever lowers one

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
    """Operations a second of all threads together in their best period."""
    took_s = min(_timed(products[0]) for _ in range(3))
    repeats = max(1, round(PERIOD_S / took_s))
    best, ends = 0.0, time.perf_counter() + seconds
    while not best or time.perf_counter() < ends:
        threads = [threading.Thread(target=_repeat, args=(product, repeats)) for product in products[1:]]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        _repeat(products[0], repeats)
        for thread in threads:
            thread.join()
        best = max(best, len(products) * repeats * operations / (time.perf_counter() - started))
    return best


def _timed(product: Product) -> float:
    started = time.perf_counter()
    product()
    return time.perf_counter() - started


def _repeat(product: Product, times: int) -> None:
    for _ in range(times):
        product()


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

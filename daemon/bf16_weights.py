"""Weights as bfloat16 numbers, rounded so that the errors of neighbours make up for one another.

A spectrum's frames are much like the frames before them, so what counts of a filter over time is less each tap than
the sum of neighbouring ones. Each tap's rounding error is therefore added to the next tap before that is rounded.
Measured on musicnn-msd's timbral spectra: scores off by .0008 instead of .015 (docs/adr/0007-bf16-by-openvino.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]


def rounded(values: Weights) -> Weights:
    """The nearest bfloat16 numbers, ties to even, as float32 of the same shape. All must be finite."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    nearest: Weights = ((bits + half) & np.uint32(0xFFFF0000)).view(np.float32)
    return nearest


def rounded_along(values: Weights, axis: int, passed_on: float = 1.0) -> Weights:
    """`values` as bfloat16 numbers; along `axis`, each takes over `passed_on` of the error of the one before it.

    Zeros stay zeros: they are no weights, but padding.
    """
    taps = np.moveaxis(values, axis, 0)
    found = np.zeros_like(taps)
    error = np.zeros(taps.shape[1:], np.float32)
    for tap, own in enumerate(taps):
        wanted = own + passed_on * error
        found[tap] = np.where(own == 0, 0, rounded(wanted))
        error = wanted - found[tap]
    return np.ascontiguousarray(np.moveaxis(found, 0, axis))

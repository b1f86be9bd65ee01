"""Resampling of an absolute range of frames, so that no state runs from one block to the next."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import soxr

from models.front_ends.spec import FrontEnd

# soxr's HQ filter reaches some 10 ms; at 20 ms a block's samples differ from the whole file's by < 4e-6 at every
# rate from 8 to 192 kHz (measured; tests/test_resample.py holds it).
FILTER_REACH_S = 0.020
QUALITY = "HQ"


def filter_margin_frames(source_rate_hz: int, target_rate_hz: int) -> int:
    """Source frames on each side of a range that its resampled samples depend on."""
    return 0 if source_rate_hz == target_rate_hz else math.ceil(FILTER_REACH_S * source_rate_hz)


def resample(samples: npt.NDArray[np.float32], source_rate_hz: int, target_rate_hz: int) -> npt.NDArray[np.float32]:
    """`samples` (frames,) float32 at the target rate; output sample 0 is at the time of input frame 0."""
    if source_rate_hz == target_rate_hz:
        return samples
    resampled: npt.NDArray[np.float32] = soxr.resample(samples, source_rate_hz, target_rate_hz, quality=QUALITY)
    return resampled


def block_margins(source_rate_hz: int, front_end: FrontEnd) -> tuple[int, int]:
    """Source frames before and after a hop block that its features depend on.

    They are the reach of the resampler's filter and of the first and last spectral frame. The range they make begins on
    a source frame that is a whole sample at the front end's rate too.
    """
    to_source = source_rate_hz / front_end.sample_rate_hz
    reach = filter_margin_frames(source_rate_hz, front_end.sample_rate_hz)
    step = source_rate_hz // math.gcd(source_rate_hz, front_end.sample_rate_hz)
    left = math.ceil(front_end.samples_before * to_source) + reach
    return -(-left // step) * step, math.ceil(front_end.samples_after * to_source) + reach

"""A block resampled with its margins equals the same stretch of the whole recording resampled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.resample import filter_margin_frames, resample

RATES_HZ = (8000, 11025, 22050, 22051, 32000, 44100, 48000, 96000, 192000)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_range_with_margins_equals_the_whole(rate_hz: int) -> None:
    noise = np.random.default_rng(rate_hz).standard_normal(6 * rate_hz).astype(np.float32)
    whole = resample(noise, rate_hz, 16000)
    step = rate_hz // math.gcd(rate_hz, 16000)
    left = -(-filter_margin_frames(rate_hz, 16000) // step) * step
    right = filter_margin_frames(rate_hz, 16000)
    part = resample(noise[2 * rate_hz - left : 4 * rate_hz + right], rate_hz, 16000)
    start = left * 16000 // rate_hz
    np.testing.assert_allclose(part[start : start + 32000], whole[32000:64000], atol=6e-6)


def test_at_the_same_rate_nothing_changes() -> None:
    samples = np.ones(10, np.float32)
    assert resample(samples, 16000, 16000) is samples
    assert filter_margin_frames(16000, 16000) == 0


def test_a_tone_keeps_its_place_in_time() -> None:
    """A click at 1 s is at 1 s at the new rate."""
    click = np.zeros(2 * 44100, np.float32)
    click[44100] = 1
    assert int(np.abs(resample(click, 44100, 16000)).argmax()) == 16000

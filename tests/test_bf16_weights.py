"""Rounding to bfloat16: to the nearest, and with neighbours that make up for one another."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daemon.bf16_weights import Weights, rounded, rounded_along

FINITE = st.floats(-(2.0**100), 2.0**100, width=32)


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3), elements=FINITE))
def test_rounded_is_torchs_rounding(values: Weights) -> None:
    np.testing.assert_array_equal(rounded(values), torch.from_numpy(values).bfloat16().float().numpy())


@given(hnp.arrays(np.float32, (4, 3, 9), elements=st.floats(-4, 4, width=16)), st.sampled_from([0, 1, 2, -1]))
def test_along_an_axis_no_partial_sum_is_off_by_more_than_one_rounding(values: Weights, axis: int) -> None:
    values = np.where(values == 0, 1, values).astype(np.float32)
    found = rounded_along(values, axis)
    assert found.shape == values.shape
    np.testing.assert_array_equal(rounded(found), found)
    off = np.cumsum(found.astype(np.float64) - values, axis)
    assert np.abs(off).max() <= 8.01 * 2**-9  # half a step of numbers up to 8


def test_zeros_stay_and_nothing_is_passed_over_axes() -> None:
    values = np.array([[1.001, 0, 0.3], [1, 1, 1]], np.float32)
    found = rounded_along(values, 1)
    assert found[0, 1] == 0
    np.testing.assert_array_equal(found[1], values[1])
    np.testing.assert_array_equal(rounded_along(values, 1, passed_on=0), rounded(values))

"""Products of matrices that are small enough for one thread: they are products, and no piece is above the limit."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.front_ends.kinds.log_mel import mel_product
from models.front_ends.kinds.mel_picture import mel_pictures
from models.front_ends.named import HEARINGS, HearingName
from models.front_ends.parts.small_product import BandedProduct, small_product
from models.front_ends.spec import PICTURE_SIZE

Floats = npt.NDArray[np.float32]

MOST: Final = 4 * 65_536  # multiplications up to which OpenBLAS stays on the calling thread
PASS_FRAMES: Final = 125  # that are transformed at once
WITH_MELS: Final = sorted(name for name, hearing in HEARINGS.items() if hearing.front_end.n_mels)


class Counted(np.ndarray[Any, np.dtype[np.float32]]):
    """An array that counts the multiplications of every product it is the left side of; slices of it do too."""

    products: list[int] = []  # noqa: RUF012 - of all of them

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        plain = [np.asarray(each).view(np.ndarray) for each in inputs]
        if ufunc is np.matmul:
            self.products.append(plain[0].size * plain[1].shape[1])
        if out is not None:
            options["out"] = tuple(each.view(np.ndarray) for each in out)
        found = getattr(ufunc, method)(*plain, **options)
        return found.view(Counted) if isinstance(found, np.ndarray) else found


def counted(*shape: int) -> Counted:
    """Ones; the count begins anew."""
    Counted.products.clear()
    return np.ones(shape, np.float32).view(Counted)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 300), inner=st.integers(1, 1_100), columns=st.integers(1, 24))
def test_small_products_are_products(rows: int, inner: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    left, right = (
        rng.normal(size=(rows, inner)).astype(np.float32),
        rng.normal(size=(inner, columns)).astype(np.float32),
    )
    found = np.empty((rows, columns), np.float32)
    small_product(left, right, out=found)
    np.testing.assert_allclose(found, left.astype(np.float64) @ right, rtol=0, atol=1e-3)
    right[rng.uniform(size=right.shape) < 0.7] = 0
    BandedProduct(right).into(left, found)
    np.testing.assert_allclose(found, left.astype(np.float64) @ right, rtol=0, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 1_000), inner=st.integers(1, 1_100), columns=st.integers(1, 24), banded=st.booleans())
def test_no_piece_is_above_the_limit(rows: int, inner: int, columns: int, banded: bool) -> None:
    left, right = counted(rows, inner), np.ones((inner, columns), np.float32)
    found = np.empty((rows, columns), np.float32)
    if banded:
        BandedProduct(right).into(left, found)
    else:
        small_product(left, right, out=found)
    assert sum(Counted.products) == rows * inner * columns
    assert max(Counted.products) <= MOST


@pytest.mark.parametrize("name", WITH_MELS)
def test_no_piece_of_a_named_front_end_is(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    mel_product(spec).into(counted(PASS_FRAMES, spec.n_bins), np.empty((PASS_FRAMES, spec.n_mels), np.float32))
    assert 0 < max(Counted.products) <= MOST


def test_no_piece_of_a_picture_is() -> None:
    assert mel_pictures(counted(2, 420, 128)).shape == (2, 3, PICTURE_SIZE, PICTURE_SIZE)
    assert 0 < max(Counted.products) <= MOST


def test_musicnns_bands_are_products_of_a_whole_pass() -> None:
    """In one piece each, as ever: pieces of other sizes could differ in the last bit."""
    spec = HEARINGS["musicnn"].front_end
    mel_product(spec).into(counted(PASS_FRAMES, spec.n_bins), np.empty((PASS_FRAMES, spec.n_mels), np.float32))
    assert len(Counted.products) == spec.n_mels // 12

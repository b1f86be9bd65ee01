"""Windows of whole hops, hops of whole frames: decimal seconds are taken as they are meant, by every part alike."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.errors import SettingsError
from daemon.grid import make_grid
from export.data.features import check_recipe
from export.data.recipe import Recipe
from export.errors import InputUnusable
from export.train.settings import TrainSettings
from models.card import Card, CardError, card_from_metadata, card_to_metadata
from models.front_ends.spec import MUSICNN_FRONT_END
from models.whole_times import whole_times
from tests.test_card import make_card

hops_s = st.decimals("0.001", "60", places=3)
counts = st.integers(1, 1000)


@given(hops_s, counts)
def test_so_many_hops_are_so_many_however_they_are_written(hop_s: Decimal, times: int) -> None:
    assert whole_times(float(times * hop_s), float(hop_s)) == times
    assert whole_times(times * float(hop_s), float(hop_s)) == times
    assert whole_times(sum([float(hop_s)] * times), float(hop_s)) == times


@given(hops_s, st.integers(0, 1000), st.floats(0.001, 0.999))
def test_a_part_of_a_hop_is_none(hop_s: Decimal, times: int, part: float) -> None:
    assert whole_times((times + part) * float(hop_s), float(hop_s)) is None


@given(st.floats(), st.floats())
def test_any_numbers_have_an_answer(length: float, unit: float) -> None:
    found = whole_times(length, unit)
    assert found is None or (found >= 1 and math.isclose(found * unit, length, rel_tol=1e-8))


def carded(window_s: float, hop_s: float) -> Card:
    """A card of the shipped front end, its golden window as long as the window."""
    shape = (round(window_s * 16_000) // 256, 96)
    return dataclasses.replace(
        make_card(), window_s=window_s, hop_s=hop_s, carry=None, golden_input=np.zeros(shape, np.float32)
    )


# 2.4 / .8 is 2.9999999999999996; .048 * 16000 / 256 is 3.0, but .144 % .048 is .048 less a bit
@pytest.mark.parametrize(("window_s", "hop_s", "blocks"), [(2.4, 0.8, 3), (0.144, 0.048, 3), (4.8, 1.6, 3), (4, 2, 2)])
def test_every_part_takes_them(window_s: float, hop_s: float, blocks: int) -> None:
    recipe = Recipe(MUSICNN_FRONT_END, window_s, hop_s)
    check_recipe(recipe)
    assert recipe.blocks_per_window == blocks
    assert TrainSettings(network="musicnn", window_s=window_s, hop_s=hop_s).recipe == recipe
    assert make_grid(16_000, MUSICNN_FRONT_END, window_s, hop_s, 0.05).blocks_per_window == blocks
    card = carded(window_s, hop_s)
    assert card_from_metadata(card_to_metadata(card)) == card
    assert card.frames_per_window == blocks * card.frames_per_hop == recipe.window_shape[0]


@pytest.mark.parametrize(("window_s", "hop_s"), [(2.5, 0.8), (0.8, 1.6), (2.4001, 0.8), (3.0, 1.0)])
def test_every_part_refuses_others(window_s: float, hop_s: float) -> None:
    with pytest.raises(InputUnusable, match=r"multiple|whole number"):
        check_recipe(Recipe(MUSICNN_FRONT_END, window_s, hop_s))
    with pytest.raises(ValidationError, match=r"whole multiple of|whole number of frames"):
        TrainSettings(network="musicnn", window_s=window_s, hop_s=hop_s)
    with pytest.raises(SettingsError, match=r"not a multiple of|not a whole number"):
        make_grid(16_000, MUSICNN_FRONT_END, window_s, hop_s, 0.05)
    with pytest.raises(CardError, match=r"whole multiple of|whole number of frames"):
        carded(window_s, hop_s)

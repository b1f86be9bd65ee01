"""The grid's arithmetic, and the settings that cannot have one."""

from __future__ import annotations

import pytest

from daemon.errors import SettingsError
from daemon.grid import blocks_per_window, make_grid
from models.front_ends.spec import MUSICNN_FRONT_END

RATES_HZ = (8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000, 22051)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_margins_hold_what_resampler_and_front_end_reach(rate_hz: int) -> None:
    grid = make_grid(rate_hz, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
    assert grid.hop_frames == 2 * rate_hz
    assert grid.blocks_per_window == 2
    assert grid.left_frames / rate_hz >= 256 / 16000
    # A block's range begins on a whole frame of the model's rate.
    assert grid.left_frames * 16000 % rate_hz == 0
    assert grid.right_frames <= 0.021 * rate_hz


def test_at_the_models_own_rate_nothing_is_resampled() -> None:
    grid = make_grid(16000, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
    assert (grid.left_frames, grid.right_frames) == (256, 0)


def test_what_a_new_owner_must_read() -> None:
    grid = make_grid(16000, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
    assert [grid.needed_from(window) for window in (0, 1, 10)] == [0, 32000 - 256, 320000 - 256]


@pytest.mark.parametrize(("window_s", "hop_s", "blocks"), [(4, 2, 2), (4, 4, 1), (3, 0.5, 6), (0.3, 0.1, 3)])
def test_blocks_in_a_window(window_s: float, hop_s: float, blocks: int) -> None:
    assert blocks_per_window(window_s, hop_s) == blocks


@pytest.mark.parametrize(("window_s", "hop_s"), [(4, 3), (4, 8), (5, 2), (4, 0), (0, 2), (4, -2)])
def test_a_window_that_is_no_multiple_of_the_hop_is_a_settings_error(window_s: float, hop_s: float) -> None:
    with pytest.raises(SettingsError, match="window_s"):
        blocks_per_window(window_s, hop_s)


def test_a_hop_of_no_whole_frames_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="whole number"):
        make_grid(16000, MUSICNN_FRONT_END, 0.3, 0.1, 0.05)
    with pytest.raises(SettingsError, match="whole number of frames at 11025 Hz"):
        make_grid(11025, MUSICNN_FRONT_END, 0.064, 0.032, 0.05)

"""Hop blocks of files: the same numbers that the daemon computes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from export.data.features import blocks_of
from export.data.recipe import Recipe
from models.front_ends.named import HEARINGS, SPECTROGRAM_FRONT_END, HearingName
from models.front_ends.network_input import network_input
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd
from tests.audio_files import encode, write
from tests.daemon_hearing import daemon_windows

TINY = FrontEnd(8_000, 256, 200, 16, 0.0, 4_000.0, "db", "window")


def music(seconds: float, rate_hz: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Mono (frames,): notes that decay, over noise, with a second of near silence in it."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    notes = rng.uniform(80, 0.3 * rate_hz, 16)[(at_s * 4).astype(int) % 16]
    tone = np.sin(2 * np.pi * np.cumsum(notes) / rate_hz) * np.exp(-4 * (at_s * 4 % 1))
    audio = 0.4 * tone + 0.01 * rng.normal(size=len(at_s))
    audio[3 * rate_hz : 4 * rate_hz] *= 1e-3
    return audio.astype(np.float32)


@pytest.mark.parametrize(
    ("rate_hz", "channels", "codec", "container", "kind"),
    [
        (44_100, 2, "pcm_s16le", "wav", "s16"),
        (16_000, 1, "pcm_s16le", "wav", "s16"),
        (22_050, 1, "pcm_s16le", "wav", "s16"),
        (48_000, 6, "flac", "flac", "s16"),
        (44_100, 2, "libmp3lame", "mp3", None),
        (11_025, 1, "pcm_f32le", "wav", "flt"),
    ],
)
@pytest.mark.parametrize("front_end", [SPECTROGRAM_FRONT_END, MUSICNN_FRONT_END], ids=["spectrogram", "musicnn"])
def test_windows_are_the_daemons(
    tmp_path: Path, rate_hz: int, channels: int, codec: str, container: str, kind: str | None, front_end: FrontEnd
) -> None:
    content = encode(music(11.3, rate_hz), codec, container, rate_hz, kind, channels)
    path = write(tmp_path / f"a.{container}", content)
    recipe = Recipe(front_end)
    heard = daemon_windows(path, front_end)
    blocks = blocks_of(path, recipe)
    windows = blocks.windows(recipe)
    assert len(heard) == len(windows) == blocks.n_windows(recipe) == 4
    assert windows.shape[1:] == recipe.window_shape
    assert windows.dtype == blocks.power.dtype == np.float32
    for window, mine in zip(heard, windows, strict=True):
        assert np.abs(window.log_mel - mine).max() < 1e-4
    powers = np.convolve(blocks.power, [0.5, 0.5], "valid")
    np.testing.assert_allclose(powers, [window.power for window in heard], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(HEARINGS))
@pytest.mark.parametrize(
    ("rate_hz", "channels", "codec", "container", "kind"),
    [(44_100, 2, "pcm_s16le", "wav", "s16"), (22_050, 1, "flac", "flac", "s16")],
)
def test_every_kind_of_front_end_hears_the_daemons_windows(
    tmp_path: Path, rate_hz: int, channels: int, codec: str, container: str, kind: str, name: HearingName
) -> None:
    """Each with its own window and hop; and what a network takes of them."""
    content = encode(music(13.3, rate_hz), codec, container, rate_hz, kind, channels)
    path = write(tmp_path / f"a.{container}", content)
    hearing = HEARINGS[name]
    recipe = Recipe(hearing.front_end, hearing.window_s, hearing.hop_s)
    heard = np.stack(
        [window.log_mel for window in daemon_windows(path, hearing.front_end, hearing.window_s, hearing.hop_s)]
    )
    blocks = blocks_of(path, recipe)
    windows = blocks.windows(recipe)
    n_blocks = int(13.3 / hearing.hop_s)
    assert len(blocks.frames) == n_blocks
    assert heard.shape == windows.shape == (n_blocks - recipe.blocks_per_window + 1, *recipe.window_shape)
    np.testing.assert_allclose(windows, heard, rtol=1e-5, atol=1e-4)
    taken = network_input(windows, hearing.front_end)
    assert taken.shape == (len(windows), *recipe.input_shape)
    np.testing.assert_allclose(taken, network_input(heard, hearing.front_end), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("seconds", [0.5, 1.999, 2.0, 3.999, 4.0, 6.0])
def test_a_block_is_used_once_it_is_whole(tmp_path: Path, seconds: float) -> None:
    path = write(tmp_path / "a.wav", encode(music(seconds, 8_000), "pcm_s16le", "wav", 8_000, "s16", 1))
    recipe = Recipe(TINY)
    blocks = blocks_of(path, recipe)
    assert blocks.frames.shape == (int(seconds // 2), recipe.frames_per_hop, 16)
    assert len(blocks.windows(recipe)) == len(blocks.silent(recipe)) == max(0, int(seconds // 2) - 1)
    assert [window.index for window in daemon_windows(path, TINY)] == list(range(blocks.n_windows(recipe)))


def test_silence_is_what_the_daemon_calls_silence(tmp_path: Path) -> None:
    audio = music(20.0, 16_000)
    audio[6 * 16_000 : 14 * 16_000] *= 1e-3  # below -60 dBFS
    path = write(tmp_path / "a.wav", encode(audio, "pcm_s16le", "wav", 16_000, "s16", 1))
    recipe = Recipe()
    silent = blocks_of(path, recipe).silent(recipe)
    assert silent.tolist() == [window.power < 1e-6 for window in daemon_windows(path, SPECTROGRAM_FRONT_END)]
    assert 0 < silent.sum() < len(silent)


def test_other_windows_of_the_same_blocks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", encode(music(9.0, 8_000), "pcm_s16le", "wav", 8_000, "s16", 1))
    recipe = Recipe(TINY, window_s=3.0, hop_s=0.5)
    windows = blocks_of(path, recipe).windows(recipe)
    heard = daemon_windows(path, TINY, 3.0, 0.5)
    assert len(heard) == len(windows) == 13
    assert max(np.abs(window.log_mel - mine).max() for window, mine in zip(heard, windows, strict=True)) < 1e-4
    some = blocks_of(path, recipe).windows(recipe, np.array([5, 2]))
    np.testing.assert_array_equal(some, windows[[5, 2]])
    assert recipe.features_id == replace(recipe, window_s=1.0).features_id


def test_a_hole_is_filled_while_it_is_small_and_its_windows_are_left_out_when_it_is_not(tmp_path: Path) -> None:
    content = bytearray(encode(music(40, 44_100), "aac", "mpegts"))
    half, quarter = len(content) // 2, len(content) // 4
    content[quarter : quarter + 100] = bytes(100)
    content[half : half + 40_000] = np.random.default_rng(1).bytes(40_000)
    path = write(tmp_path / "a.ts", bytes(content))
    recipe = Recipe()
    blocks = blocks_of(path, recipe)
    heard = daemon_windows(path, SPECTROGRAM_FRONT_END)
    usable = np.flatnonzero(np.isfinite(np.convolve(blocks.power, [0.5, 0.5], "valid")))
    assert [window.index for window in heard] == usable.tolist()
    assert len(usable) < blocks.n_windows(recipe)
    for window, mine in zip(heard, blocks.windows(recipe, usable), strict=True):
        assert np.abs(window.log_mel - mine).max() < 1e-4
    assert blocks.silent(recipe).sum() == blocks.n_windows(recipe) - len(usable)

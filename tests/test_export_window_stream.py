"""The stream of windows: complete, disjoint between ranks, the same again for the same seed, in bounded memory."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.decode import Floats, UnreadableAudio
from export.data.features import blocks_of
from export.data.targets import LabelTargets
from export.data.window_stream import WindowBatch, WindowStream
from export.errors import InputUnusable
from models.front_ends.network_input import network_input
from models.front_ends.network_input_torch import network_input as network_input_in_torch
from tests.small_clips import FRONT_END, RECIPE, write_clip, write_clips

LENGTHS_S = [4.0, 1.0, 2.6, 9.0, 1.5, 3.0, 0.7, 6.2]  # the seventh is too short for a window
Music = tuple[list[Clip], FeatureCache]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Music:
    """Clips of many lengths, one of them silent for its first two seconds, and a cache."""
    folder = tmp_path_factory.mktemp("music")
    clips = [*write_clips(folder, LENGTHS_S, "abb"), write_clip(folder / "hush.wav", 5.0, "c", 99, silent_s=2.0)]
    return clips, FeatureCache(folder / "cache", RECIPE)


def stream(music: Music, batch_size: int = 4, seed: int = 0, **options: object) -> WindowStream:
    """A stream of all the clips with their labels."""
    clips, cache = music
    return WindowStream(clips, cache, LabelTargets("abc"), batch_size, seed, **options)  # type: ignore[arg-type]


def names(batches: Iterator[WindowBatch]) -> list[bytes]:
    """Each window by its content, with its targets, in order."""
    pairs = chain.from_iterable(zip(batch.frames, batch.targets, strict=True) for batch in batches)
    return [window.numpy().tobytes() + targets.numpy().tobytes() for window, targets in pairs]


class _Large(FeatureCache):
    """Windows that are taken for larger than they are: eight fill the buffer."""

    window_bytes = 128 << 17


def test_the_buffer_is_bounded_in_bytes(music: Music) -> None:
    clips, cache = music
    assert cache.window_bytes == cache.blocks(clips[0]).windows(RECIPE)[0].nbytes
    large = clips, _Large(cache.folder, RECIPE)
    assert names(stream(large).epoch(0)) == names(stream(music, shuffle_windows=8).epoch(0))
    assert names(stream(large, shuffle_windows=5).epoch(0)) == names(stream(music, shuffle_windows=5).epoch(0))
    assert names(stream(large, 12).epoch(0)) == names(stream(music, 12, shuffle_windows=1).epoch(0))
    assert names(stream(large).epoch(0)) != names(stream(music).epoch(0))


def loud_windows(music: Music) -> list[bytes]:
    """What an epoch should hold, by the definition."""
    clips, cache = music
    expected = []
    for clip in clips:
        blocks = cache.blocks(clip)
        row = np.array([name in clip.labels for name in "abc"], np.float32).tobytes()
        loud = blocks.windows(RECIPE)[~blocks.silent(RECIPE)]
        expected += [np.ascontiguousarray(window).tobytes() + row for window in loud]
    return expected


@settings(max_examples=40, deadline=None)
@given(
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 3),
    epoch=st.integers(0, 3),
    world_size=st.integers(1, 4),
    shuffle_windows=st.integers(1, 100),
)
@example(batch_size=1, seed=0, epoch=0, world_size=2, shuffle_windows=1)  # a batch of two, for ranks have as many
def test_each_window_comes_once_an_epoch_in_one_rank(
    music: Music, batch_size: int, seed: int, epoch: int, world_size: int, shuffle_windows: int
) -> None:
    ranks = [
        stream(music, batch_size, seed, rank=rank, world_size=world_size, shuffle_windows=shuffle_windows)
        for rank in range(world_size)
    ]
    batches = [list(each.epoch(epoch)) for each in ranks]
    assert len({each.batches_per_epoch for each in ranks} | {len(each) for each in batches}) == 1
    assert Counter(names(chain.from_iterable(batches))) == Counter(loud_windows(music))
    sizes = [len(batch.frames) for each in batches for batch in each]
    assert max(sizes) - min(sizes) <= 2 if world_size > 1 else 1
    assert max(sizes) <= batch_size or batch_size == 1
    assert min(sizes) >= min(batch_size, len(loud_windows(music)) // world_size) // 2
    shares = [sum(len(batch.frames) for batch in each) for each in batches]
    assert max(shares) - min(shares) <= 1


def test_the_same_seed_and_epoch_are_the_same_and_others_are_in_another_order(music: Music) -> None:
    first = names(stream(music).epoch(3))
    assert names(stream(music).epoch(3)) == first
    walked = stream(music)
    for _ in walked.epoch(0):
        pass
    assert names(walked.epoch(3)) == first  # whatever was heard before
    for other in (stream(music).epoch(4), stream(music, seed=1).epoch(3)):
        again = names(other)
        assert again != first
        assert sorted(again) == sorted(first)


def test_windows_are_mixed_beyond_their_clips(music: Music) -> None:
    home = {}
    for number, clip in enumerate(music[0]):
        for window in music[1].blocks(clip).windows(RECIPE):
            home[np.ascontiguousarray(window).tobytes()] = number
    order = [home[window.numpy().tobytes()] for batch in stream(music).epoch(0) for window in batch.frames]
    assert np.mean([one != other for one, other in pairwise(order)]) > 0.6


def test_windows_are_what_the_daemon_would_score(music: Music) -> None:
    """Normalised in torch as training does, against the audio itself."""
    clip = music[0][3]
    expected = network_input(blocks_of(clip.path, RECIPE).windows(RECIPE), FRONT_END)
    one = stream(([clip], music[1]), 64)
    (batch,) = one.epoch(0)
    made = network_input_in_torch(batch.frames, FRONT_END).numpy()
    distances = np.abs(made[:, None] - expected[None]).max(axis=(2, 3)).min(axis=0)
    assert distances.max() < 1e-3
    assert batch.frames.dtype == batch.targets.dtype == torch.float32


class CountingTargets:
    """Says which window of which clip each row is; remembers how often it was asked."""

    def __init__(self, clips: list[Clip]) -> None:
        self.asked: Counter[Path] = Counter()
        self._number = {clip.path: number for number, clip in enumerate(clips)}

    def of(self, clip: Clip, n_windows: int) -> Floats:
        """(n_windows, 2): the clip's number, the window's number."""
        self.asked[clip.path] += 1
        rows = [[self._number[clip.path], window] for window in range(n_windows)]
        return np.array(rows, np.float32).reshape(n_windows, 2)


def test_targets_go_with_their_windows_and_each_clip_is_read_once(music: Music) -> None:
    clips, cache = music
    targets = CountingTargets(clips)
    for batch in WindowStream(clips, cache, targets, 4, 0).epoch(0):
        for window, (clip, place) in zip(batch.frames, batch.targets.int().tolist(), strict=True):
            np.testing.assert_array_equal(window, cache.blocks(clips[clip]).windows(RECIPE)[place])
            if clips[clip].path.name == "hush.wav":
                assert place >= 3  # silent windows are left out
    assert set(targets.asked.values()) == {1}


def test_labels_are_balanced_on_request(music: Music) -> None:
    a_third = -(-len(loud_windows(music)) // 3)
    for options, expected in (
        ({"balance": "labels"}, a_third),
        ({"balance": "labels", "windows_per_label": 5}, 5),
        ({"balance": "undersample", "windows_per_label": 6}, 6),
    ):
        each = stream(music, **options)
        batches = list(each.epoch(0))
        assert len(batches) == each.batches_per_epoch
        assert torch.cat([batch.targets for batch in batches]).sum(dim=0).tolist() == [expected] * 3
    some = stream(music, windows_per_clip=2)
    assert some.windows_per_epoch == sum(min(2, len(loud_windows(([clip], music[1])))) for clip in music[0])


def test_nothing_to_hear_and_what_cannot_be_read_are_said(music: Music, tmp_path: Path) -> None:
    hush = write_clip(tmp_path / "hush.wav", 3.0, silent_s=3.0)
    with pytest.raises(InputUnusable, match="1 clips have 0 windows that are not silent: too few"):
        stream(([hush], music[1]))
    with pytest.raises(UnreadableAudio, match=r"none\.wav"):
        stream(([Clip(tmp_path / "none.wav", ("a",))], music[1]))
    stranger = replace(music[0][0], labels=("polka",))
    with pytest.raises(InputUnusable, match="its label 'polka' is not among the labels"):
        list(stream(([stranger], music[1])).epoch(0))


def test_memory_does_not_grow_with_the_number_of_clips(tmp_path: Path) -> None:
    """200 clips are 20 MB of windows, 2000 are 200 MB."""
    few, many = (
        float(
            subprocess.run(
                [sys.executable, "-m", "tests.stream_memory", str(tmp_path), str(n)],
                capture_output=True,
                text=True,
                check=True,
                timeout=100,
            ).stdout
        )
        for n in (200, 2000)
    )
    assert many - few < 12, f"{few:.0f} MB with 200 clips, {many:.0f} MB with 2000"

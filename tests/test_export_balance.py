"""Which windows an epoch takes: complete, or in the proportions that were asked for."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.data.balance import epoch_windows

CLIPS = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abcd"), max_size=2, unique=True)), min_size=1, max_size=12
)


def chosen(clips: list[tuple[int, list[str]]], seed: int, *rules: object) -> list[tuple[int, int]]:
    """The epoch's windows, in a fixed order."""
    counts = np.array([count for count, _ in clips], np.int64)
    rows = epoch_windows(counts, [labels for _, labels in clips], np.random.default_rng(seed), *rules)  # type: ignore[arg-type]
    return sorted((int(clip), int(place)) for clip, place in rows)


@given(clips=CLIPS, seed=st.integers(0, 5))
def test_without_balancing_each_window_comes_once(clips: list[tuple[int, list[str]]], seed: int) -> None:
    assert chosen(clips, seed) == [(clip, place) for clip, (count, _) in enumerate(clips) for place in range(count)]


@given(clips=CLIPS, most=st.integers(1, 6))
def test_each_clip_gives_at_most_so_many_and_others_every_epoch(clips: list[tuple[int, list[str]]], most: int) -> None:
    windows = chosen(clips, 0, "none", None, most)
    assert len(set(windows)) == len(windows)
    found = Counter(clip for clip, _ in windows)
    assert all(found[clip] == min(count, most) for clip, (count, _) in enumerate(clips))
    heard = {window for seed in range(200) for window in chosen([(9, ["a"])], seed, "none", None, most)}
    assert len(heard) == 9  # over the epochs, all of a clip


@given(clips=CLIPS, seed=st.integers(0, 5), each=st.none() | st.integers(1, 20))
def test_each_label_comes_equally_often(clips: list[tuple[int, list[str]]], seed: int, each: int | None) -> None:
    windows = chosen(clips, seed, "labels", each)
    groups = {label for count, labels in clips if count for label in labels or [""]}
    per_label = each or -(-sum(count for count, _ in clips) // max(1, len(groups)))
    assert len(windows) == per_label * len(groups) == len(chosen(clips, seed + 1, "labels", each))
    if all(len(labels) < 2 for _, labels in clips):
        found = Counter((clips[clip][1] or [""])[0] for clip, _ in windows)
        assert set(found.values()) <= {per_label}
        for label, count in found.items():  # within a label, each window as often as any other, or once more
            own = Counter(window for window in windows if (clips[window[0]][1] or [""])[0] == label)
            n = sum(count for count, labels in clips if (labels or [""])[0] == label)
            assert set(own.values()) <= {count // n, count // n + 1} - {0}


@given(clips=CLIPS, seed=st.integers(0, 5), most=st.integers(1, 20))
def test_undersampling_takes_no_more_of_a_label_and_none_twice(
    clips: list[tuple[int, list[str]]], seed: int, most: int
) -> None:
    single = [(count, labels[:1]) for count, labels in clips]
    windows = chosen(single, seed, "undersample", most)
    assert len(set(windows)) == len(windows)
    found = Counter((single[clip][1] or [""])[0] for clip, _ in windows)
    for label in found:
        n = sum(count for count, labels in single if (labels or [""])[0] == label)
        assert found[label] == min(n, most)
    assert len(windows) == len(chosen(single, seed + 1, "undersample", most))


def test_undersampling_without_a_number_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="windows_per_label"):
        chosen([(3, ["a"])], 0, "undersample")

"""Splits keep artists and recordings together, hold their shares label by label, and leaks are found."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.data.clip import SPLITS, Clip, Split
from export.data.leaks import check_leaks, leaks, without_leaks
from export.data.music_set import MusicSet
from export.data.splits import SplitRules, belonging_together, split_clips, with_validation
from export.errors import InputUnusable

NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@st.composite
def clip_lists(draw: st.DrawFn) -> list[Clip]:
    n = draw(st.integers(1, 40))
    return [
        Clip(
            Path(f"/music/{number}.wav"),
            labels=tuple(sorted(draw(st.sets(NAMES, max_size=3)))),
            artist=draw(st.none() | NAMES),
            sha256=f"{draw(st.integers(0, 60)):064x}",
            recording=draw(st.none() | st.integers(0, 20).map(str)),
        )
        for number in range(n)
    ]


def placed(clips: tuple[Clip, ...]) -> dict[Path, Split | None]:
    return {clip.path: clip.split for clip in clips}


@given(clips=clip_lists(), seed=st.integers(0, 99), validation=st.floats(0, 0.4), test=st.floats(0, 0.4))
def test_nothing_is_on_two_sides(clips: list[Clip], seed: int, validation: float, test: float) -> None:
    split = split_clips(clips, SplitRules(validation, test, seed))
    assert [replace(clip, split=None) for clip in split] == clips
    assert all(clip.split in SPLITS for clip in split)
    assert list(leaks(split)) == []
    for group in belonging_together(clips):
        assert len({split[n].split for n in group}) == 1


@given(clips=clip_lists(), seed=st.integers(0, 99), data=st.data())
def test_the_same_seed_gives_the_same_splits_in_any_order(clips: list[Clip], seed: int, data: st.DataObject) -> None:
    rules = SplitRules(0.2, 0.2, seed)
    shuffled = data.draw(st.permutations(clips))
    assert placed(split_clips(clips, rules)) == placed(split_clips(shuffled, rules))


def test_places_of_the_files_do_not_matter_and_the_seed_does() -> None:
    clips = [Clip(Path(f"/a/{n}.wav"), ("x",), sha256=f"{n:064x}") for n in range(40)]
    moved = [replace(clip, path=Path("/b") / clip.path.name) for clip in clips]
    sides = [clip.split for clip in split_clips(clips, SplitRules())]
    assert [clip.split for clip in split_clips(moved, SplitRules())] == sides
    assert [clip.split for clip in split_clips(clips, SplitRules(seed=1))] != sides


@given(
    sizes=st.lists(st.integers(3, 60), min_size=1, max_size=6),
    validation=st.floats(0.05, 0.3),
    test=st.floats(0.05, 0.3),
)
def test_each_label_is_split_in_its_shares(sizes: list[int], validation: float, test: float) -> None:
    clips = [Clip(Path(f"/{label}/{n}.wav"), (str(label),)) for label, size in enumerate(sizes) for n in range(size)]
    counts = Counter((clip.labels[0], clip.split) for clip in split_clips(clips, SplitRules(validation, test)))
    for label, size in enumerate(sizes):
        assert abs(counts[str(label), "validation"] - validation * size) <= 1
        assert abs(counts[str(label), "test"] - test * size) <= 1
        assert all(counts[str(label), name] >= 1 for name in SPLITS)  # few clips, yet each split has one


def test_artists_are_split_in_shares_of_clips() -> None:
    clips = [Clip(Path(f"/{n}.wav"), (str(n % 3),), artist=f"artist {n // 5}") for n in range(300)]
    counts = Counter(clip.split for clip in split_clips(clips, SplitRules(0.1, 0.2)))
    assert abs(counts["validation"] - 30) <= 5
    assert abs(counts["test"] - 60) <= 5


def test_several_labels_a_clip_are_split_in_their_shares() -> None:
    clips = [
        Clip(Path(f"/{n}.wav"), tuple(name for name, every in (("x", 2), ("y", 3), ("z", 25)) if n % every == 0))
        for n in range(200)
    ]
    counts = Counter((label, clip.split) for clip in split_clips(clips, SplitRules(0.2, 0.2)) for label in clip.labels)
    for label, size in (("x", 100), ("y", 67), ("z", 8)):
        assert abs(counts[label, "validation"] - 0.2 * size) <= 1.5
        assert abs(counts[label, "test"] - 0.2 * size) <= 1.5


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.2, 1.0)])
def test_shares_that_leave_nothing_are_refused(validation: float, test: float) -> None:
    with pytest.raises(InputUnusable, match="leave nothing to train on"):
        SplitRules(validation, test)


def official(*splits: Split | None) -> list[Clip]:
    return [Clip(Path(f"/{n}.wav"), ("x",), artist=str(n // 2), split=split) for n, split in enumerate(splits)]


def test_an_official_split_without_validation_gets_one_out_of_the_training() -> None:
    train: Split = "train"
    test: Split = "test"
    clips = official(*[train] * 20, *[test] * 10)
    split = with_validation(clips, SplitRules(0.2, 0.0))
    assert Counter(clip.split for clip in split) == {"train": 16, "validation": 4, "test": 10}
    assert all(after.split == "test" for before, after in zip(clips, split, strict=True) if before.split == "test")
    assert list(leaks(split)) == []


def test_official_splits_stay_as_they_are_and_halves_of_them_are_refused() -> None:
    clips = official("train", "train", "validation", "test")
    assert with_validation(clips, SplitRules()) == tuple(clips)
    with pytest.raises(InputUnusable, match=r"1 of 3 clips have no split.*--split random"):
        with_validation(official("train", "test", None), SplitRules())
    with pytest.raises(InputUnusable, match="no clip is in the split train"):
        with_validation(official("validation", "test"), SplitRules())


LEAKING = [
    Clip(Path("/1.wav"), artist="Nina  Simone", sha256="1", recording="r1", split="train"),
    Clip(Path("/2.wav"), artist="nina simone", sha256="2", recording="r2", split="test"),
    Clip(Path("/3.wav"), artist="B", sha256="3", recording="r3", split="train"),
    Clip(Path("/4.mp3"), artist="C", sha256="4", recording="r3", split="validation"),
    Clip(Path("/5.wav"), sha256="5", split="train"),
    Clip(Path("/6.wav"), sha256="5", split="test"),
    Clip(Path("/7.wav"), artist="D", sha256="7", split="train"),
    Clip(Path("/8.wav"), sha256="8", split="test"),
]


def test_each_leak_is_named() -> None:
    said = list(leaks(LEAKING))
    assert said == [
        "artist nina simone: /1.wav (train) and /2.wav (test)",
        "the same audio: /3.wav (train) and /4.mp3 (validation)",
        "the same audio: /5.wav (train) and /6.wav (test)",
    ]
    with pytest.raises(InputUnusable) as error:
        check_leaks(MusicSet(Path("/set"), tuple(LEAKING), (), False))
    assert str(error.value).startswith("3 leaks between the splits of /set")
    assert all(line in str(error.value) for line in said)
    check_leaks(MusicSet(Path("/set"), tuple(LEAKING[-2:]), (), False))


def test_what_judges_stays_when_leaks_are_dropped() -> None:
    kept, left = without_leaks(LEAKING)
    assert [clip.path.name for clip in left] == ["1.wav", "3.wav", "5.wav"]
    assert list(leaks(kept)) == []
    assert len(kept) + len(left) == len(LEAKING)

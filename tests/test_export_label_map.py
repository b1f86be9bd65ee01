"""Words become labels as the map says; a map that cannot be meant is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.data.clip import Clip
from export.data.label_map import LabelMap, frequent, read_label_map
from export.data.labelling import label_notes, labelled, mapped
from export.errors import InputUnusable, SettingsUnusable

TEXT = """
multi_label = true
drop = ["live", "*unknown*"]
unlisted = "drop"
min_clips = 2
top_n = 3

[merge]
rock = ["punk*", "grunge", "R&B [live]"]
rap = ["hip?hop", "Pop Rap"]
piano = []

[kinds]
piano = "instrument"
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(TEXT)
    label_map = read_label_map(path)
    assert label_map.top_n == 3
    words = ["Punk Rock", "GRUNGE", "Hip-Hop", "hiphop", " live ", "Some unknown thing", "Piano", "jazz", "r&b [LIVE]"]
    assert [label_map.labels_of([word]) for word in words] == [
        ("rock",), ("rock",), ("rap",), (), (), (), ("piano",), (), ("rock",),
    ]  # fmt: skip
    assert label_map.labels_of(words) == ("rock", "rap", "piano")


def test_a_word_written_out_goes_before_a_pattern() -> None:
    label_map = LabelMap(merge={"metal": ("*metal*",), "industrial": ("industrial metal",), "rock": ("*",)})
    assert label_map.labels_of(["industrial metal", "Doom Metal", "Pop"]) == ("industrial", "metal", "rock")


@given(words=st.lists(st.text(min_size=1, max_size=8)))
def test_without_a_map_words_are_labels(words: list[str]) -> None:
    labels = LabelMap().labels_of(words)
    assert len(set(labels)) == len(labels) <= len(words)
    assert LabelMap().labels_of(labels) == labels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("top = 3", "top: Extra inputs are not permitted"),
        ("top_n = 0", "top_n: Input should be greater than or equal to 1"),
        ("top_n = ", "is not TOML"),
        ("[kinds]\npiano = 'thing'", "kinds.piano: Input should be"),
        ("[merge]\nrock = ['Pop']\npop = []", "merge: 'pop' goes to both 'rock' and 'pop'"),
        ("[merge]\nrock = ['x']\npop = ['X']", "merge: 'x' goes to both 'rock' and 'pop'"),
        ("[merge]\nrock = 'punk'", "merge.rock: Input should be"),
        ("unlisted = 'lose'", "unlisted: Input should be"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(SettingsUnusable) as error:
        read_label_map(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)
    with pytest.raises(SettingsUnusable, match="does not exist"):
        read_label_map(tmp_path / "none.toml")
    with pytest.raises(SettingsUnusable, match="is a folder"):
        read_label_map(tmp_path)


def clips_of(*labels: str) -> list[Clip]:
    return [Clip(Path(f"/{n}.wav"), tuple(words.split())) for n, words in enumerate(labels)]


def test_rare_labels_go_and_the_most_frequent_stay_in_alphabetical_order() -> None:
    clips = clips_of("z", "z", "z", "a", "a", "b", "b", "c")
    labels_of = [clip.labels for clip in clips]
    assert list(frequent(labels_of, LabelMap())) == ["a", "b", "c", "z"]
    assert frequent(labels_of, LabelMap(top_n=2)) == {"a": 2, "z": 3}
    assert list(frequent(labels_of, LabelMap(min_clips=2))) == ["a", "b", "z"]
    labels, kept, skipped = labelled(clips, LabelMap(top_n=2))
    assert labels == ("a", "z")
    assert len(kept) == 5
    assert {one.reason for one in skipped} == {"its labels are not among the most frequent"}
    with pytest.raises(InputUnusable, match="no label has the 4 clips"):
        labelled(clips, LabelMap(min_clips=4))


def test_several_labels_where_one_is_wanted_are_skipped() -> None:
    clips, nameless = mapped(clips_of("a b", "a", "b", "x", ""), LabelMap(drop=("x",), multi_label=False))
    assert [one.reason for one in nameless] == ["no label is left after the label map", "has no label"]
    _, kept, skipped = labelled(clips, LabelMap(multi_label=False))
    assert [clip.labels for clip in kept] == [("a",), ("b",)]
    assert [str(one.path) for one in skipped] == ["/0.wav"]
    assert len(labelled(clips, LabelMap())[1]) == 3


def test_labels_that_look_alike_are_noted() -> None:
    notes = label_notes(["Hip-Hop", "hiphop", "jazz"], LabelMap(kinds={"jaz": "mood", "jazz": "genre"}))
    assert notes == [
        "the labels 'Hip-Hop' and 'hiphop' are nearly the same: merge them?",
        "kinds of the label map names 'jaz', which is no label of this set",
    ]

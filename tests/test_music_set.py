"""What scanning writes and training reads comes back as it was, or is refused with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.data.clip import SPLITS, Clip
from export.data.music_set import LABELS, MANIFEST, MusicSet, read_music_set, write_music_set
from export.errors import InputUnusable
from models.card import Label

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)
CLIPS = st.builds(
    Clip,
    path=WORDS.filter(lambda name: name not in (".", "..")).map(Path),
    labels=st.lists(WORDS, max_size=3).map(tuple),
    artist=st.none() | WORDS,
    split=st.none() | st.sampled_from(SPLITS),
    sha256=st.none() | st.just("ab" * 32),
    recording=st.none() | WORDS,
    duration_s=st.none() | st.floats(0, 1e4),
)


@given(clips=st.lists(CLIPS, max_size=5), multi_label=st.booleans())
def test_a_set_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, clips: list[Clip], multi_label: bool
) -> None:
    folder = tmp_path_factory.mktemp("set")
    # Files beneath the folder and files elsewhere.
    placed = [replace(clip, path=(folder if n % 2 else Path("/music")) / clip.path) for n, clip in enumerate(clips)]
    music = MusicSet(folder, tuple(placed), (Label("jazz", "genre"), Label("töne", "mood")), multi_label)
    write_music_set(music)
    assert read_music_set(folder) == music
    assert read_music_set(folder).fingerprint == music.fingerprint


def test_the_fingerprint_is_of_contents_labels_and_splits_not_of_places(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "a.wav", ("jazz",), split="train", sha256="1" * 64)
    music = MusicSet(tmp_path, (clip,), (Label("jazz", "genre"),), False)
    moved = replace(music, folder=tmp_path / "b", clips=(replace(clip, path=tmp_path / "b" / "c.wav"),))
    assert moved.fingerprint == music.fingerprint
    for other in (replace(clip, split="test"), replace(clip, sha256="2" * 64), replace(clip, labels=("rock",))):
        assert replace(music, clips=(other,)).fingerprint != music.fingerprint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "manifest.jsonl:2: not a clip"),
        ('{"labels": []}', "manifest.jsonl:2: not a clip: 'path'"),
        ('{"path": "a.wav", "labels": "jazz"}', "labels must be a list"),
        ('{"path": "a.wav", "labels": [], "split": "dev"}', "unknown split 'dev'"),
        ('{"path": "a.wav", "labels": [], "artist": 3}', "artist must be a str"),
        ('{"path": "a.wav", "labels": [], "sha256": 3}', "sha256 must be a str"),
        ('{"path": "a.wav", "labels": [], "duration_s": "4"}', "duration_s must be a number"),
        ("\udcff", "manifest.jsonl is not UTF-8"),
        ("[]", "manifest.jsonl:2: not a clip"),
    ],
)
def test_a_line_that_is_no_clip_is_named(tmp_path: Path, line: str, said: str) -> None:
    write_music_set(MusicSet(tmp_path, (), (), False))
    text = f'{{"path": "a.wav", "labels": []}}\n{line}\n'
    (tmp_path / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputUnusable, match=said.replace("[", r"\[")):
        read_music_set(tmp_path)


def test_a_folder_that_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputUnusable, match=r"is no music set \(manifest.jsonl is missing\)"):
        read_music_set(tmp_path)
    write_music_set(MusicSet(tmp_path, (), (), False))
    (tmp_path / LABELS).write_text('{"labels": [{"name": "jazz", "kind": "sort"}], "multi_label": false}')
    with pytest.raises(InputUnusable, match="unknown kind 'sort'"):
        read_music_set(tmp_path)

"""Folders of music become sets: GTZAN as it is, any depth, artists; what cannot be used is said and left out."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.made_music import write_tune
from tests.scanning import refused, scan

GENRES = ("blues", "jazz", "metal")


@pytest.fixture(scope="module")
def gtzan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of GTZAN as it is distributed, with ten clips a genre, its broken file, and copies."""
    data = tmp_path_factory.mktemp("Data")
    for place, genre in enumerate(GENRES):
        for n in range(10):
            write_tune(data / "genres_original" / genre / f"{genre}.{n:05d}.wav", 100 * place + n, 4.5)
    broken = np.random.default_rng(54).bytes(100_000)
    (data / "genres_original" / "jazz" / "jazz.00054.wav").write_bytes(broken)
    (data / "genres_original" / "jazz" / "._jazz.00001.wav").write_bytes(b"Mac OS X")
    # metal.00033 of the real one is another genre's recording, too.
    write_tune(data / "genres_original" / "metal" / "metal.00033.wav", 105, 4.5)
    (data / "images_original" / "blues").mkdir(parents=True)
    (data / "images_original" / "blues" / "blues00000.png").write_bytes(b"not looked at")
    (data / "features_30_sec.csv").write_text("filename,length\n")
    return data


def test_gtzan_as_it_is(gtzan: Path, tmp_path: Path) -> None:
    done = scan(gtzan, tmp_path / "set")
    assert done.code == 0, done.said
    assert done.music.label_names == GENRES
    assert not done.music.multi_label
    assert Counter(clip.labels[0] for clip in done.music.clips) == {"blues": 10, "jazz": 10, "metal": 11}
    assert done.skipped == {
        "jazz.00054.wav": "is not audio that FFmpeg can read (Invalid data found when processing input)"
    }
    assert "1 files skipped" in done.shown
    assert "jazz.00054.wav" in done.shown
    clip = done.clips["blues.00003.wav"]
    assert clip.path.is_file()
    assert clip.duration_s == 4.5
    assert clip.sha256 is not None and len(clip.sha256) == 64


def test_copies_are_reported_and_stay_in_one_split(gtzan: Path, tmp_path: Path) -> None:
    done = scan(gtzan / "genres_original", tmp_path / "set", "--seed", "3")
    (group,) = done.report["duplicates"]
    assert {Path(one["path"]).name for one in group} == {"jazz.00005.wav", "metal.00033.wav"}
    assert len({one["split"] for one in group}) == 1
    assert "(labels differ)" in done.shown
    dropped = scan(gtzan, tmp_path / "dropped", "--duplicates", "drop")
    assert dropped.report["duplicates"] == []
    assert dropped.skipped["metal.00033.wav"].startswith("the same audio as")
    assert len(dropped.music.clips) == 30


def test_the_splits_are_stratified_and_repeatable(gtzan: Path, tmp_path: Path) -> None:
    first = scan(gtzan, tmp_path / "a", "--validation", "0.2", "--test", "0.2")
    assert first.report["labels"]["blues"] == {"train": 6, "validation": 2, "test": 2}
    again = scan(gtzan, tmp_path / "b", "--validation", "0.2", "--test", "0.2", "--workers", "2")
    assert again.music.fingerprint == first.music.fingerprint
    other = scan(gtzan, tmp_path / "c", "--validation", "0.2", "--test", "0.2", "--seed", "1")
    assert other.music.fingerprint != first.music.fingerprint


def test_a_label_map_is_applied(gtzan: Path, tmp_path: Path) -> None:
    label_map = tmp_path / "map.toml"
    label_map.write_text('drop = ["metal"]\n[merge]\nold = ["BLUES"]\n[kinds]\nold = "era"\n')
    done = scan(gtzan, tmp_path / "set", "--label-map", str(label_map))
    assert [(label.name, label.kind) for label in done.music.labels] == [("jazz", "genre"), ("old", "era")]
    assert done.skipped["metal.00001.wav"] == "no label is left after the label map"
    label_map.write_text("[merge]\nold = ['blues']\nloud = ['punk']\n")
    assert "no usable clip has the label 'loud'" in refused(gtzan, tmp_path / "no", "--label-map", str(label_map))
    label_map.write_text("top = 3\n")
    assert "top: Extra inputs" in refused(gtzan, tmp_path / "no", "--label-map", str(label_map), code=78)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """artist/genre/album/track, two genres, eight artists of whom some play both; one folder lies outside, linked."""
    root = tmp_path_factory.mktemp("library")
    seed = 1000
    for artist in range(8):
        for genre in ("folk", "techno") if artist < 2 else ("folk",) if artist % 2 else ("techno",):
            for _ in range(2):
                seed += 1
                path = root / f"artist {artist}" / genre / "album" / f"{seed}.mp3"
                write_tune(path, seed, 4.5, {"artist": f"Tagged {artist // 2}"})
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_tune(elsewhere / "techno" / "album" / "linked.flac", 2000, 4.5)
    (root / "artist 9").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "loop").symlink_to(root, target_is_directory=True)
    return root


@pytest.mark.parametrize("options", [("--genre-from", "second"), ("--genre-from", "1"), ("--genre-from", "-2")])
def test_any_part_of_the_path_names_the_genre(library: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    done = scan(library, tmp_path / "set", *options, "--artist-from", "first")
    assert done.code == 0, done.said
    assert done.music.label_names == ("folk", "techno")
    assert done.clips["linked.flac"].artist == "artist 9"
    sides: dict[str | None, set[str | None]] = {}
    for clip in done.music.clips:
        sides.setdefault(clip.artist, set()).add(clip.split)
    assert len(sides) == 9
    assert all(len(splits) == 1 for splits in sides.values())


def test_artists_are_read_from_the_files_or_forgotten(library: Path, tmp_path: Path) -> None:
    tagged = scan(library, tmp_path / "a", "--genre-from", "second", "--artist-from", "tags")
    assert {clip.artist for clip in tagged.music.clips} == {None, *(f"Tagged {n}" for n in range(4))}
    options = ("--genre-from", "second", "--artist-from", "first", "--ignore-artists")
    assert {clip.artist for clip in scan(library, tmp_path / "b", *options).music.clips} == {None}


def test_the_parent_folder_and_unlabelled_music(library: Path, tmp_path: Path) -> None:
    assert "all clips have the one label 'album'" in refused(library, tmp_path / "a", "--genre-from", "parent")
    assert scan(library, tmp_path / "b", "--genre-from", "parent", "--one-label-ok").music.label_names == ("album",)
    unlabelled = scan(library, tmp_path / "c", "--unlabelled")
    assert unlabelled.music.label_names == ()
    assert {clip.labels for clip in unlabelled.music.clips} == {()}
    assert unlabelled.music.of("train") and unlabelled.music.of("test")


def test_a_set_inside_its_source_is_not_part_of_it(tmp_path: Path) -> None:
    for n in range(3):
        write_tune(tmp_path / "music" / "a" / f"{n}.wav", 10 + n, 4.5)
        write_tune(tmp_path / "music" / "b" / f"{n}.wav", 20 + n, 4.5)
    folder = tmp_path / "music" / "set"
    assert scan(tmp_path / "music", folder).code == 0
    write_tune(folder / "plots" / "x.wav", 1, 4.5)
    again = scan(tmp_path / "music", folder)
    assert again.music.label_names == ("a", "b")


def test_what_cannot_be_used_is_skipped_with_its_reason(tmp_path: Path) -> None:
    source = tmp_path / "music"
    for n in range(3):
        write_tune(source / "a" / f"{n}.wav", 10 + n, 4.5)
        write_tune(source / "b" / f"{n}.mp3", 20 + n, 4.5)
    write_tune(source / "a" / "short.wav", 30, 2.0)
    write_tune(source / "loose.wav", 31, 4.5)
    (source / "b" / "empty.mp3").write_bytes(b"")
    (source / "b" / "text.mp3").write_text("#EXTM3U\nhttp://127.0.0.1:9/x.mp3\n")
    (source / "b" / "half.mp3").write_bytes((source / "b" / "0.mp3").read_bytes()[:2_000])
    (source / "b" / "notes.txt").write_text("no music")
    unreadable = os.fsencode(source / "b") + b"/\xff.wav"
    Path(os.fsdecode(unreadable)).write_bytes((source / "a" / "0.wav").read_bytes())
    done = scan(source, tmp_path / "set")
    assert done.code == 0, done.said
    assert {name: reason.split(" (")[0] for name, reason in done.skipped.items()} == {
        "short.wav": "shorter than 4 s",
        "loose.wav": "its genre should be folder 0 below the source, and there is none",
        "empty.mp3": "is empty",
        "text.mp3": "is not audio that FFmpeg can read",
        "half.mp3": "shorter than 4 s",
        "\\udcff.wav": "its name is not UTF-8: rename it",
    }
    assert len(done.music.clips) == 6


def test_sources_without_use_are_refused(tmp_path: Path) -> None:
    folder, source = tmp_path / "set", tmp_path / "music"
    assert "does not exist" in refused(source, folder)
    source.mkdir()
    assert "holds no audio files and no pictures (0 other files)" in refused(source, folder)
    (source / "a").mkdir()
    (source / "a" / "x.wav").write_bytes(b"rubbish")
    (source / "b").mkdir()
    (source / "b" / "y.wav").write_bytes(b"")
    said = refused(source, folder)
    assert "none of 2 files can be used" in said
    assert "y.wav: is empty" in said
    write_tune(source / "a" / "z.wav", 1, 4.5)
    write_tune(source / "c" / "z.wav", 2, 4.5)
    (source / "d").mkdir()
    said = refused(source, folder)
    assert "no usable clip has the label 'b', 'd'" in said
    assert "--genre-from fourth: say first" in refused(source, folder, "--genre-from", "fourth")
    assert "leave nothing to train on" in refused(source, folder, "--test", "0.9", "--validation", "0.1")
    assert "is a file: a set is a folder" in scan(source, source / "a" / "z.wav").said
    assert "exclude each other" in refused(source, folder, "--unlabelled", "--label-map", "x.toml")
    assert "names no splits" in refused(source, folder, "--unlabelled", "--split", "official")

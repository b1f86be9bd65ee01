"""The cache: named by content, rebuilt where it is torn or of another front end, built by several processes, killed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.data.cache import FeatureCache
from export.data.cache_build import build
from export.data.clip import Clip
from export.data.decode import UnreadableAudio
from export.data.features import blocks_of
from export.data.images import image_blocks
from export.data.music_set import MusicSet, write_music_set
from export.data.recipe import Recipe
from export.errors import CannotWrite, InputUnusable
from models.card import Label
from models.front_ends.named import SPECTROGRAM_FRONT_END
from models.front_ends.network_input import network_input
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd
from tests.process import genred, wait_for
from tests.small_clips import FRONT_END, RECIPE, write_clip, write_clips

INVALID = "Invalid data found when processing input"


def entries(cache: FeatureCache) -> dict[Path, bytes]:
    """Every file below the cache's folder, but for the description of the front end."""
    files = [path for path in cache.folder.rglob("*") if path.is_file() and path.name != "front_end.json"]
    return {path.relative_to(cache.folder): path.read_bytes() for path in files}


def music_set(folder: Path, clips: list[Clip]) -> Path:
    """The clips as a set on disk."""
    write_music_set(MusicSet(folder, tuple(clips), (Label("a", "genre"), Label("b", "genre")), False))
    return folder


@pytest.mark.parametrize("front_end", [SPECTROGRAM_FRONT_END, MUSICNN_FRONT_END], ids=["spectrogram", "musicnn"])
def test_what_is_read_back_is_what_was_heard(tmp_path: Path, front_end: FrontEnd) -> None:
    recipe = Recipe(front_end)
    clip = write_clip(tmp_path / "a.wav", 9.0)
    cache = FeatureCache(tmp_path / "cache", recipe)
    heard, made, read = blocks_of(clip.path, recipe), cache.blocks(clip), cache.blocks(clip)
    np.testing.assert_array_equal(made.frames, read.frames)
    np.testing.assert_array_equal(heard.power, read.power)
    np.testing.assert_array_equal(cache.power(clip), read.power)
    error = np.abs(heard.frames - read.frames).max()
    assert error < 1.01 * np.ptp(heard.frames) / 65_535 / 2 + 1e-5
    # What a network sees of it.
    seen = [network_input(blocks.windows(recipe), front_end) for blocks in (heard, read)]
    assert np.abs(seen[0] - seen[1]).max() < 2e-4


def test_a_picture_is_kept_for_each_window_it_was_fitted_to(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 20), 200, np.uint8)).save(tmp_path / "a.png")
    clip = Clip(tmp_path / "a.png")
    for blocks in (2, 4, 2):
        recipe = replace(RECIPE, window_s=blocks * RECIPE.hop_s)
        cache = FeatureCache(tmp_path / "cache", recipe)
        assert cache.blocks(clip).n_windows(recipe) == 1  # narrower than any window, it is stretched to one
        assert len(cache.power(clip)) == blocks


def test_a_picture_is_kept_like_a_recording(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 100), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    cache = FeatureCache(tmp_path / "cache", RECIPE)
    clip = Clip(tmp_path / "a.png", ("a",))
    assert build(cache, [clip], 1).built == 1
    np.testing.assert_allclose(cache.blocks(clip).frames, image_blocks(clip.path, RECIPE).frames, atol=1e-3)
    assert cache.blocks(clip).windows(RECIPE).shape == (4, 40, 16)


def test_a_recording_is_found_wherever_it_lies(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav", 3.0)
    cache = FeatureCache(tmp_path / "cache", RECIPE)
    assert build(cache, [clip], 1).built == 1
    moved = replace(clip, path=clip.path.rename(tmp_path / "b.wav"))
    assert (build(cache, [moved], 1).built, build(cache, [moved], 1).found) == (0, 1)
    assert build(cache, [replace(moved, sha256=None)], 1).found == 1  # a set that does not know its contents
    gone = replace(clip, path=tmp_path / "nowhere.wav")
    assert len(cache.blocks(gone).power) == 6


def test_another_front_end_has_entries_of_its_own_and_normalisation_is_none(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav", 3.0)
    first = FeatureCache(tmp_path / "cache", RECIPE)
    first.blocks(clip)
    before = entries(first)
    for other in (
        replace(RECIPE, front_end=replace(FRONT_END, normalisation="none")),
        replace(RECIPE, window_s=2.0),
    ):
        assert build(FeatureCache(first.folder, other), [clip], 1).found == 1
    assert entries(first) == before
    for other in (replace(RECIPE, front_end=replace(FRONT_END, n_mels=20)), replace(RECIPE, hop_s=1.0)):
        cache = FeatureCache(first.folder, other)
        assert build(cache, [clip], 1).built == 1
        assert cache.blocks(clip).frames.shape[1:] == (other.frames_per_hop, other.front_end.n_mels)
    assert len(entries(first)) == 3
    assert before.items() <= entries(first).items()


def test_a_torn_entry_is_made_again(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav", 5.0)
    cache = FeatureCache(tmp_path / "cache", RECIPE)
    whole = cache.blocks(clip)
    ((name, content),) = entries(cache).items()
    path = cache.folder / name
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0x10
    other = tmp_path / "other"
    FeatureCache(other, replace(RECIPE, hop_s=1.0)).blocks(clip)
    (foreign,) = (each.read_bytes() for each in other.rglob("*.npz"))
    np.save(tmp_path / "bare.npy", whole.frames)
    bare = (tmp_path / "bare.npy").read_bytes()
    for torn in (
        b"",
        content[:100],
        content[: len(content) // 2],
        content[:-1],
        bytes(flipped),
        b"x" * 500,
        bare,
        foreign,
    ):
        path.write_bytes(torn)
        np.testing.assert_array_equal(cache.blocks(clip).frames, whole.frames)
        np.testing.assert_array_equal(cache.power(clip), whole.power)
        assert entries(cache) == {name: content}
    path.write_bytes(content[: len(content) // 2])
    assert build(cache, [clip], 1).built == 1
    assert entries(cache) == {name: content}


def test_what_cannot_be_used_is_named_and_the_rest_is_built(tmp_path: Path) -> None:
    good = write_clips(tmp_path, [3.0, 3.0, 3.0])
    words = tmp_path / "words.mp3"
    words.write_bytes(b"no audio, only words " * 50)
    changed = write_clip(tmp_path / "changed.wav", 3.0, seed=8)
    write_clip(tmp_path / "changed.wav", 3.0, seed=9)
    bad = [
        Clip(words, ("a",), sha256=None),
        Clip(tmp_path / "missing.wav", ("a",), sha256="0" * 64),
        write_clip(tmp_path / "short.wav", 0.9),
        write_clip(tmp_path / "silent.wav", 3.0, silent_s=3.0),
        changed,
    ]
    cache = FeatureCache(tmp_path / "cache", RECIPE)
    for workers in (1, 2):
        report = build(cache, [*bad, *good], workers)
        assert report.usable([*bad, *good]) == good
        assert [(clip.path.name, reason) for clip, reason in report.refused] == [
            ("changed.wav", "is no longer what was scanned: run genred export scan again"),
            ("missing.wav", "cannot be read: No such file or directory"),
            ("short.wav", "is shorter than a window of 1 s"),
            ("silent.wav", "is silent throughout"),
            ("words.mp3", f"is not audio that FFmpeg can read ({INVALID})"),
        ]
    assert (report.built, report.found) == (0, 5)
    with pytest.raises(UnreadableAudio, match=r"words\.mp3 is not audio"):
        cache.blocks(bad[0])


def test_windows_that_cannot_be_cut_are_refused(tmp_path: Path) -> None:
    for recipe, said in ((replace(RECIPE, window_s=1.2), "not a multiple"), (replace(RECIPE, hop_s=0.01), "frames")):
        with pytest.raises(InputUnusable, match=said):
            FeatureCache(tmp_path, recipe)


def arguments(folder: Path, workers: int) -> list[str]:
    """For a set of short clips."""
    return ["export", "cache", str(folder), "--workers", str(workers), "--window-s", "1", "--hop-s", "0.5"]


def command(folder: Path, workers: int) -> list[str]:
    """The same as a command line."""
    return [sys.executable, "-m", "daemon", *arguments(folder, workers)]


def test_the_command_builds_finds_and_names(tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_bytes(b"words" * 100)
    folder = music_set(tmp_path, [*write_clips(tmp_path, [3.0] * 2), Clip(tmp_path / "words.mp3", ("b",))])
    first, again = (genred(*arguments(folder, 1)) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stderr == f"{folder / 'words.mp3'}: is not audio that FFmpeg can read ({INVALID})\n"
    assert first.stdout.startswith("3 clips: 2 heard now, 0 before, 1 cannot be used; kept in ")
    assert again.stdout.startswith("3 clips: 0 heard now, 2 before, 1 cannot be used; kept in ")
    elsewhere = genred(*arguments(folder, 1), "--cache", str(tmp_path / "elsewhere"), "--front-end", "musicnn")
    assert elsewhere.returncode == 64
    assert "not a whole number of the front end's frames (256 samples at 16000 Hz)" in elsewhere.stderr


def test_a_set_of_which_nothing_can_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_bytes(b"words" * 100)
    done = genred("export", "cache", str(music_set(tmp_path, [Clip(tmp_path / "words.mp3", ("b",))])))
    assert done.returncode == 64
    assert "none of its 1 clips can be used" in done.stderr


def test_two_builds_at_once_do_no_harm(tmp_path: Path) -> None:
    folder = music_set(tmp_path, write_clips(tmp_path, [4.0] * 24))
    both = [subprocess.Popen(command(folder, 1), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert_whole(folder, 24)


def test_a_build_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    folder = music_set(tmp_path, write_clips(tmp_path, [30.0] * 40))
    process = subprocess.Popen(command(folder, 2), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for(lambda: len(list(folder.glob("cache/*/*/*.npz"))) > 2, "three entries")
    workers = children_of(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    wait_for(lambda: not any(alive(pid) for pid in workers), "the end of the workers")
    kept = {path: path.stat().st_ino for path in folder.glob("cache/*/*/*.npz")}
    assert len(kept) < 40
    done = subprocess.run(command(folder, 2), capture_output=True, text=True, timeout=60, check=True)
    assert f"40 clips: {40 - len(kept)} heard now, {len(kept)} before" in done.stdout
    assert all(path.stat().st_ino == inode for path, inode in kept.items())
    assert_whole(folder, 40)


def test_what_a_killed_writer_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav", 3.0)
    cache = FeatureCache(tmp_path / "cache", RECIPE)
    cache.blocks(clip)
    (entry,) = cache.entries.glob("*/*.npz")
    old, new = (entry.with_name(f".{entry.name}.{name}.tmp") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    build(cache, [clip], 1)
    assert not old.exists()
    assert new.exists()  # another build may be writing it


@pytest.mark.parametrize("workers", [1, 2])
def test_without_space_there_is_one_line_and_nothing_half_written(tmp_path: Path, workers: int) -> None:
    folder = music_set(tmp_path, write_clips(tmp_path, [20.0] * 6))

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))  # an entry has some 20 kB; Python ignores SIGXFSZ

    done = subprocess.run(
        command(folder, workers), capture_output=True, text=True, timeout=60, preexec_fn=no_large_files, check=False
    )
    assert done.returncode == 70
    (line,) = done.stderr.splitlines()
    assert "the cache cannot be written (File too large); nothing was left half-written" in line
    assert [path.name for path in folder.rglob("cache/**/*") if path.is_file()] == ["front_end.json"]
    finished = subprocess.run(command(folder, workers), capture_output=True, text=True, timeout=60, check=True)
    assert "6 heard now" in finished.stdout


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav", 3.0)
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(CannotWrite, match=f"{tmp_path / 'cache'}: the cache cannot be written"):
        FeatureCache(tmp_path / "cache", RECIPE).blocks(clip)


def assert_whole(folder: Path, n: int) -> None:
    """`n` entries that can be read, and nothing else."""
    files = [path for path in folder.glob("cache/*/*/*") if path.stat().st_mtime]
    assert {path.suffix for path in files} <= {".npz", ".tmp"}
    whole = [path for path in files if path.suffix == ".npz"]
    assert len(whole) == n
    for path in whole:
        with np.load(path, allow_pickle=False) as entry:
            assert len(entry["levels"]) == len(entry["power"])


def children_of(pid: int) -> list[int]:
    """The processes that `pid` started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False

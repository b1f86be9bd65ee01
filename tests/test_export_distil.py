"""Teachers' scores are those the daemon gives, kept by content; a student learns them and is judged on other music."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from daemon.inference import OnnxModel
from daemon.vocabulary import as_one
from export.cli import app
from export.data.cache import sha256_of
from export.data.clip import Clip, Split
from export.data.music_set import MusicSet, write_music_set
from export.distil.likeness import likeness
from export.distil.teacher import open_teachers
from export.distil.teacher_targets import TeacherTargets
from export.errors import CannotWrite, InputUnusable
from models.card import Label
from models.card_file import read_card
from tests.made_music import audio_bytes, tune
from tests.process import genred
from tests.tiny_model import OTHER_LABELS, write_tiny_model

torch.set_num_threads(1)


def write_clip(path: Path, seed: int, split: Split | None = None, seconds: float = 9.0) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = tune(seed, seconds) * np.float32(10 ** (-(seed % 4) / 2))  # what a teacher says depends on loudness
    if seed == 3:
        samples *= 10
        samples[: 16_000 * 4] = 0  # a silent window
    path.write_bytes(audio_bytes(samples, "wav"))
    return Clip(path, split=split, sha256=sha256_of(path))


@pytest.fixture(scope="module")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models that share the labels low and high, at odds about both."""
    folder = tmp_path_factory.mktemp("teachers")
    return (
        write_tiny_model(folder / "one.onnx", offset=0.5, name="one"),
        write_tiny_model(folder / "two.onnx", offset=1.0, name="two", labels=OTHER_LABELS),
    )


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Twelve tunes that nobody has labelled."""
    folder = tmp_path_factory.mktemp("unlabelled")
    sizes: tuple[tuple[Split, int], ...] = (("train", 7), ("validation", 2), ("test", 3))
    splits = [split for split, size in sizes for _ in range(size)]
    clips = [write_clip(folder / f"{seed}.wav", seed, split) for seed, split in enumerate(splits)]
    made = MusicSet(folder, tuple(clips), (Label("unlabelled", "other"),), True)
    write_music_set(made)
    return made


@pytest.fixture
def targets(teachers: tuple[Path, Path], tmp_path: Path) -> TeacherTargets:
    return TeacherTargets(open_teachers([str(path) for path in teachers]), tmp_path / "scores")


def test_targets_are_what_the_daemon_says_of_the_file(
    targets: TeacherTargets, teachers: tuple[Path, Path], music: MusicSet
) -> None:
    """Through `genred tag` with both models merged: other code, from the bytes of the file to its scores."""
    clip = music.clips[3]
    found = targets.of(clip, 3)
    done = genred(
        *("tag", str(clip.path), "-o", "jsonl", "--all-tags", "--model", str(teachers[0]), "--model", str(teachers[1])),
        GENRED_MODEL_RESULTS="merged",
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    windows = [record for record in records if record["type"] == "genred.window.v1"]
    assert [window["silent"] for window in windows] == [True, False, False]
    names = [label.name for label in targets.labels]
    for row, window in zip(found[1:], windows[1:], strict=True):
        assert window["scores"] == pytest.approx(dict(zip(names, row.tolist(), strict=True)), abs=1e-3)
    assert not found[0].any()


def test_labels_merge_as_in_the_daemon(targets: TeacherTargets, teachers: tuple[Path, Path]) -> None:
    models = [OnnxModel(path, "cpu") for path in teachers]
    roster, merge = as_one(models, all_labels=True)
    (voice,) = roster.voices
    assert tuple(label.name for label in targets.labels) == voice.labels
    scores = [np.random.default_rng(0).random((5, 4), np.float32) for _ in models]
    theirs = np.stack([merge(row) for row in np.concatenate(scores, axis=1)])
    np.testing.assert_allclose(targets._merged.of(scores), theirs, atol=1e-6)


def test_shipped_teachers_hand_on_what_windows_share(music: MusicSet, tmp_path: Path) -> None:
    (teacher,) = open_teachers(["musicnn-mtt"])
    assert teacher.card.carry is not None
    clip = music.clips[3]
    (found,) = TeacherTargets((teacher,), tmp_path).of_each(clip)
    plain = replace(teacher, card=replace(teacher.card, carry=None))
    (alone,) = TeacherTargets((plain,), tmp_path / "other").of_each(clip)
    assert found.shape == (3, 50) and found[2].max() > 0.01
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_scores_are_kept_by_content_and_mended_when_torn(
    targets: TeacherTargets, music: MusicSet, tmp_path: Path
) -> None:
    assert targets.prepare(music.clips, workers=2) == len(music.clips)
    assert targets.prepare(music.clips, workers=1) == 0
    kept = sorted((tmp_path / "scores").rglob("*.npz"))
    assert len(kept) == 2 * len(music.clips)
    wanted = targets.of(music.clips[5], 3)
    moved = replace(music.clips[5], path=tmp_path / "not there any more.wav")
    np.testing.assert_array_equal(targets.of(moved, 3), wanted)  # its bytes are known: nobody listens again
    for path in kept:
        if path.stem == music.clips[5].sha256:
            path.write_bytes(path.read_bytes()[:100])
    assert targets.prepare(music.clips, workers=1) == 1
    np.testing.assert_array_equal(targets.of(music.clips[5], 3), wanted)


def test_a_clip_that_cannot_be_read_stops_nothing(targets: TeacherTargets, music: MusicSet, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    assert targets.prepare([Clip(tmp_path / "broken.wav"), music.clips[0]], workers=1) == 1


def test_another_number_of_windows_is_refused(targets: TeacherTargets, music: MusicSet) -> None:
    with pytest.raises(InputUnusable, match="the teachers hear 3 windows and the student 5"):
        targets.of(music.clips[0], 5)


def test_a_place_that_cannot_be_written_is_said(teachers: tuple[Path, Path], music: MusicSet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = TeacherTargets(open_teachers([str(teachers[0])]), tmp_path / "file" / "scores")
    with pytest.raises(CannotWrite, match="cannot be kept"):
        blocked.of(music.clips[0], 3)


ROWS = st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=6)


@given(rows=ROWS, shift=st.floats(0, 1, width=32))
def test_likeness_is_of_differences_and_first_genres(rows: list[list[float]], shift: float) -> None:
    labels = (Label("a", "genre"), Label("b", "mood"), Label("c", "genre"))
    scores = np.array(rows, np.float32)
    same = likeness(scores, scores, labels)
    assert (same.rows, same.mean_deviation, same.largest_deviation, same.genre_agreement) == (len(rows), 0, 0, 1)
    louder = scores.copy()
    louder[:, 1] += np.float32(shift)  # a mood never changes the first genre
    moved = likeness(louder, scores, labels)
    assert moved.genre_agreement == 1
    assert moved.mean_deviation == pytest.approx(shift / 3, abs=1e-6)
    assert moved.largest_deviation == pytest.approx(shift, abs=1e-6)


def run(*arguments: object) -> tuple[int, str]:
    """(exit code, everything printed) of `genred export ARGUMENTS`."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


STUDENT = (
    *("--set", 'network_options={widths="8,8", first_stride=2, dropout=0.0, hidden=16}'),
    *("--set", "optimiser.learning_rate=0.02", "--set", "threads=1", "--set", "batch_size=8"),
)


def test_a_student_learns_and_is_served(teachers: tuple[Path, Path], music: MusicSet, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    named = [word for path in teachers for word in ("--teacher", path)]
    code, said = run("distil", music.folder, *named, "--run", folder, "--epochs", 25, *STUDENT, "--workers", 1)
    assert code == 0, said
    assert "beside its teachers, on the split test" in said and "times as fast" in said
    card = read_card(folder / "student.onnx")
    assert [label.name for label in card.labels] == ["low", "middle", "high", "bright", "odd", "dull"]
    assert [each["name"] for each in card.provenance["teachers"]] == ["one 1", "two 1"]  # type: ignore[attr-defined]
    figures = json.loads((folder / "distillation.json").read_text())["held_out"]
    assert card.training["held_out"] == figures
    assert figures["tracks"]["rows"] == 3 and figures["windows"]["rows"] == 9
    assert figures["each"]["two 1"]["tracks"]["mean_deviation"] > 0
    assert card.front_end == read_card(teachers[0]).front_end
    assert figures["speed"]["ratio"] > 0
    assert figures["windows"]["mean_deviation"] < 0.5 * _deviation_of_a_constant(teachers, music, tmp_path)
    done = genred("models", "verify", str(folder / "student.onnx"))
    assert done.returncode == 0, done.stderr
    tagged = genred("tag", str(music.clips[0].path), "--model", str(folder / "student.onnx"))
    assert tagged.returncode == 0, tagged.stderr
    _does_not_go_on_with_others(folder, teachers, music, tmp_path)


def _does_not_go_on_with_others(folder: Path, teachers: tuple[Path, Path], music: MusicSet, tmp_path: Path) -> None:
    """Nor without being told to; both are said before a teacher listens."""
    other = write_tiny_model(tmp_path / "other.onnx", offset=0.7, name="one")  # of the same labels
    for first, more, refusal in (
        (teachers[0], (), "holds a run already"),
        (other, ("--resume",), "other teachers: one"),
    ):
        named = ("--teacher", first, "--teacher", teachers[1], "--cache", tmp_path / "untouched")
        code, said = run("distil", music.folder, *named, "--run", folder, *more)
        assert code == 64 and refusal in said, said
    assert not (tmp_path / "untouched").exists()


def _deviation_of_a_constant(teachers: tuple[Path, Path], music: MusicSet, tmp_path: Path) -> float:
    """Of whoever always says the mean of the training windows."""
    targets = TeacherTargets(open_teachers([str(path) for path in teachers]), tmp_path / "constant")
    heard = {
        split: np.concatenate([rows[rows.any(axis=1)] for clip in music.of(split) for rows in [targets.of(clip, 3)]])
        for split in ("train", "test")
    }
    return float(np.abs(heard["test"] - heard["train"].mean(axis=0)).mean())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--teacher", "nobody"), 64, "--teacher nobody"),
        (("--teacher", "musicnn-msd", "--teacher", "musicnn-msd"), 64, "named twice"),
        (("--teacher", "musicnn-msd", "--set", "hop_s=1.0"), 78, "so must the student"),
        (("--teacher", "musicnn-msd", "--set", "loss.kind=ce"), 78, "soft-bce"),
    ],
)
def test_bad_input_is_said_before_anybody_listens(
    music: MusicSet, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    found, output = run("distil", music.folder, "--run", tmp_path / "run", "--cache", tmp_path / "cache", *arguments)
    assert found == code, output
    assert said in output and "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def test_a_set_without_held_out_clips_is_refused(music: MusicSet, tmp_path: Path) -> None:
    all_train = replace(music, folder=tmp_path / "set", clips=tuple(replace(c, split="train") for c in music.clips))
    write_music_set(all_train)
    code, output = run("distil", all_train.folder, "--run", tmp_path / "run", "--teacher", "musicnn-msd")
    assert code == 64 and "no clips in the splits test and validation" in output


def test_preparing_goes_on_after_a_kill(teachers: tuple[Path, Path], music: MusicSet, tmp_path: Path) -> None:
    """A process is killed as soon as it has kept something; what it kept is whole, and the rest is heard later."""
    program = (
        "import sys; from pathlib import Path; from export.data.music_set import read_music_set\n"
        "from export.distil.teacher import open_teachers; from export.distil.teacher_targets import TeacherTargets\n"
        "targets = TeacherTargets(open_teachers([sys.argv[1]]), Path(sys.argv[3]))\n"
        "for clip in read_music_set(Path(sys.argv[2])).clips:\n"
        "    targets.prepare([clip], 1); print(flush=True)\n"
    )
    folder = tmp_path / "scores"
    arguments = [sys.executable, "-c", program, str(teachers[0]), str(music.folder), str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    targets = TeacherTargets(open_teachers([str(teachers[0])]), folder)
    there = len(list(folder.rglob("*.npz")))
    assert there >= 1
    assert targets.prepare(music.clips, 1) == len(music.clips) - there

"""A set that was scanned anew after training: how much of what is judged was learnt is counted, and said."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from export.cli import app
from export.data.clip import SPLITS, Clip, Split
from export.data.music_set import MusicSet, write_music_set
from export.evaluate.learnt_note import learnt_note
from export.train.learnt import LEARNT, clips_known, learnt_from, read_learnt
from export.train.run_folder import RunFolder, begin
from export.train.trained import load_network
from export.train.training import train
from models.card import Label
from tests.training_sets import make_set, settings

torch.set_num_threads(1)

FEW = {"epochs": 1, "threads": 1}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Of each label 4 clips to train on, 1 for validation, 1 to test."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def run(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    train(music, settings(**FEW), folder)
    return folder


@pytest.fixture(scope="module")
def anew(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """The same clips dealt otherwise: the test has 2 of 6 that were trained on, 3 that were validated on, 1 new one."""
    folder = tmp_path_factory.mktemp("anew")
    clips = list(music.clips)
    heard = [clip.path for clip in music.of("train")][:2] + [clip.path for clip in music.of("validation")]
    new = next(clip.path for clip in music.of("test"))
    for n, clip in enumerate(clips):
        other: Split = "validation" if clip.split != "train" else "train"
        split: Split = "test" if clip.path in heard or clip.path == new else other
        clips[n] = replace(clip, split=split)
    scanned = replace(music, folder=folder, clips=tuple(clips))
    write_music_set(scanned)
    return scanned


def export(*arguments: object) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `genred export ARGUMENTS`."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


def test_clips_that_were_trained_on_are_counted_in_every_place(run: Path, anew: MusicSet, tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page"
    code, out, err = export("evaluate", run, anew.folder, "--json", figures, "--report", page, "--resamples", "100")
    assert code == 0, err
    said = (
        f"{anew.folder} is not the set that first (spectrogram-cnn) was trained on, or has changed since: 2 of the 6 "
        "test clips were trained on, and its best epoch was chosen by 3: the figures flatter."
    )
    assert f"genred export: warning: {said}\n" in err
    assert said in " ".join(out.split())
    assert json.loads(figures.read_text())["notes"][0] == said
    assert f"<li>{said}</li>" in (page / "index.html").read_text()


def test_on_its_own_set_nothing_is_said(run: Path, music: MusicSet) -> None:
    code, out, err = export("evaluate", run, music.folder, "--resamples", "100")
    assert code == 0, err
    assert "warning" not in err and "flatter" not in out


def test_a_model_without_its_run_is_said_to_be_doubtful(run: Path, anew: MusicSet, tmp_path: Path) -> None:
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((run / "checkpoints" / "best.safetensors").read_bytes())
    code, _, err = export("evaluate", alone, anew.folder, "--resamples", "100")
    assert code == 0, err
    assert "its test clips may have been trained on, and then the figures flatter" in err


def test_other_music_is_said_to_be_other_music(run: Path, tmp_path: Path) -> None:
    other = make_set(tmp_path / "other", clips_per_label=3, seed=9)
    code, _, err = export("evaluate", run, other.folder, "--resamples", "100")
    assert code == 0, err
    assert "or has changed since: none of its 3 test clips was trained on." in err and "flatter" not in err


def test_thresholds_measured_on_training_clips_are_said(run: Path, music: MusicSet, tmp_path: Path) -> None:
    """The folder that the run knows was scanned anew in its place."""
    clips = tuple(replace(c, split="validation" if c.split == "train" else "train") for c in music.clips)
    try:
        write_music_set(replace(music, clips=clips))
        code, _, err = export("onnx", run, "-o", tmp_path / "my.onnx")
    finally:
        write_music_set(music)
    assert code == 0, err
    known = "12 of the 12 validation clips were trained on: thresholds and temperature are measured on what it knows"
    assert known in err
    code, _, err = export("onnx", run, "-o", tmp_path / "my.onnx")
    assert code == 0 and "warning" not in err
    code, _, err = export("evaluate", tmp_path / "my.onnx", music.folder, "--resamples", "100")
    assert code == 0 and "warning" not in err


def test_what_an_initial_network_had_learnt_counts(run: Path, music: MusicSet, anew: MusicSet, tmp_path: Path) -> None:
    tuned = tmp_path / "tuned"
    train(anew, settings(**FEW, initial=str(run)), tuned)
    learnt = read_learnt(tuned)
    assert learnt is not None and clips_known(learnt.train, music.of("train"), music) == 12
    code, _, err = export("evaluate", tuned, anew.folder, "--resamples", "100")
    assert code == 0, err
    assert "warning: tuned (spectrogram-cnn): 2 of the 6 test clips were trained on: the figures flatter." in err


def test_what_lies_around_is_not_what_a_shipped_network_has_learnt(
    run: Path, anew: MusicSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one stands when one names it: in the folder of a run, say."""
    shutil.copy(run / LEARNT, tmp_path / LEARNT)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert learnt_from(anew, [], "musicnn-msd") == learnt_from(anew, [], "")


def test_what_the_body_of_a_run_had_learnt_counts(run: Path, anew: MusicSet, tmp_path: Path) -> None:
    """Named as network_options.checkpoint; here a run folder, whatever its network."""
    chosen = settings(**FEW).model_copy(update={"network_options": {"checkpoint": str(run)}})
    begin(RunFolder(tmp_path / "run"), chosen, anew, [])
    learnt, before = read_learnt(tmp_path / "run"), read_learnt(run)
    assert learnt is not None and before is not None and before.train
    assert learnt.train == learnt_from(anew, [], "").train | before.train


def test_what_lies_beside_a_checkpoint_counts(run: Path, anew: MusicSet, tmp_path: Path) -> None:
    before = read_learnt(run)
    assert before is not None
    for file in (RunFolder(run).best, run / LEARNT):
        shutil.copy(file, tmp_path)
    found = learnt_from(anew, [], str(tmp_path / "best.safetensors"))
    assert found.train == learnt_from(anew, [], "").train | before.train


def test_going_on_keeps_what_was_noted(run: Path, music: MusicSet) -> None:
    before = (run / LEARNT).read_bytes()
    train(music, settings(**FEW), run, resume=True)
    assert (run / LEARNT).read_bytes() == before


def test_a_student_knows_the_set_of_its_teachers_by_its_clips(run: Path, music: MusicSet) -> None:
    path = run / "student.onnx"
    labels = (Label("jazz", "genre"), Label("rock", "genre"))
    origin = {"music_set": {"fingerprint": music.taught(labels).fingerprint}}
    assert learnt_note("student", path, labels, origin, music, "test") is None
    assert learnt_note("student", path, labels[:1], origin, music, "test") is not None
    spec, _ = load_network(run / "checkpoints" / "best.safetensors")
    assert learnt_note("first", path, spec.labels, spec.notes, music, "train") is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(SPLITS)), min_size=1, max_size=12), st.data())
def test_a_clip_is_known_by_its_content_or_its_recording(dealt: list[tuple[str, str]], data: st.DataObject) -> None:
    """Each file has bytes of its own; those of one recording are named after the first of them, as scanning does."""
    digest = {n: f"{n:02}{name * 62}" for n, (name, _) in enumerate(dealt)}
    first = {name: digest[n][:16] for n, (name, _) in reversed(list(enumerate(dealt)))}
    clips = [
        Clip(Path(f"{n}.wav"), split=split, sha256=digest[n], recording=first[name])  # type: ignore[arg-type]
        for n, (name, split) in enumerate(dealt)
    ]
    music = MusicSet(Path(), tuple(clips), (), False)
    learnt = learnt_from(music, [], "")
    trained = {name for name, split in dealt if split == "train"}
    kept = data.draw(st.lists(st.sampled_from(range(len(dealt))), unique=True))
    judged = [replace(clips[n], path=Path(f"moved/{n}.wav"), split="test") for n in kept]
    found = clips_known(learnt.train, judged, replace(music, clips=tuple(judged)))
    assert found == sum(dealt[n][0] in trained for n in kept)

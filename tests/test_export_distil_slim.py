"""A student that begins as what lives of its teachers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from export.data.clip import Split
from export.data.music_set import MusicSet, write_music_set
from models.card import Label
from models.card_file import read_card
from tests.process import genred
from tests.test_export_distil import run, write_clip
from tests.tiny_model import write_tiny_model

torch.set_num_threads(1)
SLIM = ("--network", "slim-musicnn", "--set", "threads=1", "--set", "batch_size=4", "--workers", 1)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Six tunes that nobody has labelled."""
    folder = tmp_path_factory.mktemp("unlabelled")
    splits: tuple[Split, ...] = ("train", "train", "train", "validation", "test", "test")
    clips = [write_clip(folder / f"{seed}.wav", seed, split) for seed, split in enumerate(splits)]
    made = MusicSet(folder, tuple(clips), (Label("unlabelled", "other"),), True)
    write_music_set(made)
    return made


def test_it_says_nearly_what_they_say_at_once(music: MusicSet, tmp_path: Path) -> None:
    folder = tmp_path / "slim"
    teachers = ("--teacher", "musicnn-msd", "--teacher", "musicnn-mtt")
    options = ("--epochs", 1, "--set", "optimiser.learning_rate=1e-5", "--set", "network_options.step_mels=2")
    code, said = run("distil", music.folder, *teachers, "--run", folder, *options, *SLIM)
    assert code == 0, said
    figures = json.loads((folder / "distillation.json").read_text())["held_out"]
    assert figures["windows"]["mean_deviation"] < 0.04
    assert figures["speed"]["ratio"] > 3
    card = read_card(folder / "student.onnx")
    assert card.carry is not None and len(card.labels) == 92
    done = genred("models", "verify", str(folder / "student.onnx"))
    assert done.returncode == 0, done.stderr
    code, said = run("distil", music.folder, *teachers, "--run", folder, "--resume")
    assert code == 0, said


def test_teachers_that_are_no_musicnns_are_refused_before_they_listen(music: MusicSet, tmp_path: Path) -> None:
    tiny = write_tiny_model(tmp_path / "tiny.onnx", name="tiny")
    options = ("--run", tmp_path / "run", "--cache", tmp_path / "cache", *SLIM)
    code, said = run("distil", music.folder, "--teacher", tiny, *options)
    assert code == 64 and "starts from its teachers' weights" in said, said
    assert not (tmp_path / "cache").exists()


def test_towers_without_a_teacher_are_refused(music: MusicSet, tmp_path: Path) -> None:
    code, said = run("distil", music.folder, "--teacher", "musicnn-msd", "--run", tmp_path / "run", *SLIM)
    assert code == 78 and "filters: of 2 towers, and there are 1 to learn from" in said, said


def test_more_filters_than_a_teacher_has_are_refused(music: MusicSet, tmp_path: Path) -> None:
    options = ("--run", tmp_path / "run", *SLIM, "--set", "network_options.filters=205,1,1,1,1")
    code, said = run("distil", music.folder, "--teacher", "musicnn-msd", *options)
    assert code == 78 and "205 of 204" in said, said

"""`genred export onnx` with a music set whose labels are others than the network's: said, never silent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from export.cli import app
from export.data.music_set import MusicSet, write_music_set
from export.train.training import train
from models.card import Label
from models.card_file import read_card
from tests.training_sets import make_set, settings

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One of three labels a clip."""
    return make_set(tmp_path_factory.mktemp("music"), clips_per_label=3)


@pytest.fixture(scope="module")
def run(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    train(music, settings(epochs=1, threads=1), folder)
    return folder


def converted(run: Path, music: MusicSet, folder: Path, model: Path) -> tuple[dict[str, float], str]:
    """(the card's thresholds, what standard error says) with `music` written to `folder`."""
    write_music_set(replace(music, folder=folder))
    done = CliRunner().invoke(app, ["onnx", str(run), "-o", str(model), "--set", str(folder)])
    assert done.exit_code == 0, done.stderr
    assert "validation windows" in done.stdout
    return dict(read_card(model).thresholds), done.stderr


def test_other_labels_are_said_and_measure_nothing(run: Path, music: MusicSet, tmp_path: Path) -> None:
    clips = tuple(replace(clip, labels=("jazz",) if clip.labels == ("low",) else clip.labels) for clip in music.clips)
    labels = (Label("jazz", "genre"), *music.labels[1:])
    other = replace(music, clips=clips, labels=labels)
    thresholds, said = converted(run, other, tmp_path / "other", tmp_path / "my.onnx")
    assert thresholds == {}
    assert (
        f"warning: {tmp_path / 'other'} has other labels than the network: only the model has low; only the set has "
        "jazz; no thresholds and no temperature are measured on it, only real windows compared\n"
    ) in said


def test_clips_without_labels_are_said(run: Path, music: MusicSet, tmp_path: Path) -> None:
    bare = replace(music, clips=tuple(replace(clip, labels=()) for clip in music.clips))
    thresholds, said = converted(run, bare, tmp_path / "bare", tmp_path / "my.onnx")
    assert thresholds == {}
    assert f"warning: none of the validation clips of {tmp_path / 'bare'} has a label; no thresholds" in said


def test_the_same_labels_in_another_order_measure_the_same(run: Path, music: MusicSet, tmp_path: Path) -> None:
    wanted, _ = converted(run, music, tmp_path / "same", tmp_path / "same.onnx")
    found, said = converted(
        run, replace(music, labels=music.labels[::-1]), tmp_path / "reverse", tmp_path / "reverse.onnx"
    )
    assert found == wanted and wanted
    assert "other labels" not in said

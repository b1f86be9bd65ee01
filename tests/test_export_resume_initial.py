"""A run that started from another's network goes on when that one is gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.train.learnt import LEARNT
from export.train.outcome import EpochFigures
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.training import train
from tests.training_sets import make_set, settings

torch.set_num_threads(1)


class Interrupted(Exception):
    """Stands for whatever ends a process between two epochs."""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"), clips_per_label=4)


@pytest.fixture(scope="module")
def first(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that has learnt already."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    train(music, settings(epochs=1), folder)
    return folder


def broken_off(music: MusicSet, started: TrainSettings, run: Path) -> None:
    def interrupt(epoch: EpochFigures) -> None:
        if epoch.epoch == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(music, started, run, on_epoch=interrupt)


def started_from(initial: Path) -> TrainSettings:
    """Settings that leave to the initial network what it decides."""
    return TrainSettings(initial=str(initial), epochs=3, batch_size=8, device="cpu")


def test_the_initial_network_is_not_needed_again(music: MusicSet, first: Path, tmp_path: Path) -> None:
    initial, run = tmp_path / "initial", tmp_path / "run"
    shutil.copytree(first, initial)
    wanted = train(music, started_from(initial), tmp_path / "uninterrupted")
    broken_off(music, started_from(initial), run)
    learnt = (run / LEARNT).read_bytes()
    shutil.rmtree(initial)
    assert train(music, started_from(initial), run, resume=True) == wanted
    assert (run / LEARNT).read_bytes() == learnt


def test_other_settings_are_still_another_run(music: MusicSet, first: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    broken_off(music, started_from(first), run)
    changed = started_from(first).model_copy(update={"network_options": {"hidden": 12}})
    with pytest.raises(InputUnusable, match=r"network_options\.hidden: 8 then, 12 now"):
        train(music, changed, run, resume=True)
    with pytest.raises(InputUnusable, match="elsewhere is no checkpoint"):
        train(music, started_from(Path("elsewhere")), run, resume=True)


def test_before_the_first_state_it_is_needed(music: MusicSet, first: Path, tmp_path: Path) -> None:
    initial, run = tmp_path / "initial", tmp_path / "run"
    shutil.copytree(first, initial)
    broken_off(music, started_from(initial), run)
    RunFolder(run).state.unlink()
    shutil.rmtree(initial)
    with pytest.raises(InputUnusable, match=f"initial: {initial} is no checkpoint"):
        train(music, started_from(initial), run, resume=True)

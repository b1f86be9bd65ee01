"""A body that never moves is written once: not after every epoch, and yet a run goes on, also one begun before."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch

from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.train.outcome import EpochFigures, Outcome, StopTraining
from export.train.run_folder import RunFolder
from export.train.trained import load_network
from export.train.training import train
from tests.training_sets import make_set
from tests.wav2vec2_checkpoint import tiny_settings

pytest_plugins = ["tests.wav2vec2_fixtures"]

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def whole(music: MusicSet, published: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, RunFolder]:
    """A run that nobody broke off."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    return train(music, tiny_settings(published, "wav2vec2-mlp"), run, workers=1), RunFolder(run)


def broken_off(music: MusicSet, published: Path, run: Path) -> RunFolder:
    """A run that lost its process after the second of three epochs."""

    def break_off(figures: EpochFigures) -> None:
        if figures.epoch == 2:
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        train(music, tiny_settings(published, "wav2vec2-mlp"), run, on_epoch=break_off, workers=1)
    return RunFolder(run)


def names(path: Path) -> set[str]:
    """Of the tensors in a file."""
    with safetensors.safe_open(path, "pt") as file:
        return set(file.keys())


def test_the_body_is_written_once(music: MusicSet, published: Path, tmp_path: Path) -> None:
    written: list[tuple[int, bool]] = []
    folder = RunFolder(tmp_path / "run")

    def look(_: EpochFigures) -> None:
        written.append((folder.body.stat().st_mtime_ns, folder.last.exists()))

    train(music, tiny_settings(published, "wav2vec2-mlp"), folder.path, on_epoch=look, workers=1)
    assert len(set(written)) == 1 and not written[0][1]
    body = names(folder.body)
    assert body and all(name.startswith("body.") for name in body)
    assert not any("body." in name for name in names(folder.state))
    assert (
        names(folder.best)
        == names(folder.last)
        == body
        | {"dense.weight", "dense.bias"}
        | {
            "output.weight",
            "output.bias",
        }
    )
    load_network(folder.last)


def test_who_is_stopped_has_the_last_network_too(music: MusicSet, published: Path, tmp_path: Path) -> None:
    def stop(_: EpochFigures) -> None:
        raise StopTraining

    train(music, tiny_settings(published, "wav2vec2-mlp"), tmp_path / "run", on_epoch=stop, workers=1)
    load_network(RunFolder(tmp_path / "run").last)


def test_a_run_goes_on_to_the_same_end(
    music: MusicSet, published: Path, whole: tuple[Outcome, RunFolder], tmp_path: Path
) -> None:
    folder = broken_off(music, published, tmp_path / "run")
    outcome = train(music, tiny_settings(published, "wav2vec2-mlp"), folder.path, resume=True, workers=1)
    assert outcome == whole[0]
    for name, tensor in safetensors.torch.load_file(whole[1].last).items():
        assert torch.equal(tensor, safetensors.torch.load_file(folder.last)[name]), name


def test_a_run_of_before_whose_state_holds_the_body_goes_on(
    music: MusicSet, published: Path, whole: tuple[Outcome, RunFolder], tmp_path: Path
) -> None:
    folder = broken_off(music, published, tmp_path / "run")
    with safetensors.safe_open(folder.state, "pt") as file:
        noted = file.metadata()
    body = {f"network.{name}": tensor for name, tensor in safetensors.torch.load_file(folder.body).items()}
    state = {**safetensors.torch.load_file(folder.state), **body}
    safetensors.torch.save_file(state, folder.state, noted)
    folder.body.unlink()
    assert train(music, tiny_settings(published, "wav2vec2-mlp"), folder.path, resume=True, workers=1) == whole[0]
    assert names(folder.body) == names(whole[1].body)
    assert not any("body." in name for name in names(folder.state))


def test_what_a_run_before_left_in_the_folder_is_not_taken_for_its_body(
    music: MusicSet, published: Path, whole: tuple[Outcome, RunFolder], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.body.parent.mkdir(parents=True)
    other = safetensors.torch.load_file(whole[1].body)
    safetensors.torch.save_file({name: tensor + 1 for name, tensor in other.items()}, folder.body)
    train(music, tiny_settings(published, "wav2vec2-mlp"), folder.path, workers=1)
    assert safetensors.torch.load_file(folder.body).keys() == other.keys()
    assert all(torch.equal(tensor, other[name]) for name, tensor in safetensors.torch.load_file(folder.body).items())


def test_a_body_that_is_gone_or_torn_is_said(music: MusicSet, published: Path, tmp_path: Path) -> None:
    folder = broken_off(music, published, tmp_path / "run")
    settings = tiny_settings(published, "wav2vec2-mlp")
    folder.body.write_bytes(folder.body.read_bytes()[:-9])
    with pytest.raises(InputUnusable, match=r"body\.safetensors: not the frozen body of this run"):
        train(music, settings, folder.path, resume=True, workers=1)
    folder.body.unlink()
    with pytest.raises(InputUnusable, match=r"body\.safetensors is not there: the run's frozen body"):
        train(music, settings, folder.path, resume=True, workers=1)

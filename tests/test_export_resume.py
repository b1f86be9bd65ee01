"""A training that is killed goes on as if it had not been; and only as the same run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch

from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.train.outcome import EpochFigures, Outcome
from export.train.run_folder import RunFolder
from export.train.training import train
from tests.process import wait_for
from tests.training_sets import make_set, settings

torch.set_num_threads(1)

# Everything that has a memory: Adam, a schedule over all steps, dropout, augmentation, balancing.
CHANGES: dict[str, Any] = {
    "epochs": 6,
    "batch_size": 4,
    "network_options": {"dropout": 0.3},
    "schedule": {"kind": "plateau", "patience": 0, "factor": 0.5},
    "augment": {"mask": 0.5, "noise": 0.5, "mixup": 0.5},
    "windows": {"per_clip": 3, "balance": "labels", "shuffle": 16},
    "threads": 1,
}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def uninterrupted(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """What the run comes to when nobody kills it."""
    run = tmp_path_factory.mktemp("runs") / "uninterrupted"
    return train(music, settings(**CHANGES), run), run


def epochs_of(run: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without what time it took."""
    lines = [json.loads(line) for line in RunFolder(run).metrics.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def place_of(run: Path) -> tuple[int, int]:
    """(epoch, batch) of the state that a kill would leave; (0, 0) while there is none."""
    path = RunFolder(run).state
    if not path.is_file():
        return 0, 0
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    place = json.loads(head["__metadata__"]["genred.training"])["place"]
    return place["epoch"], place["batch"]


def test_after_kill_9_the_end_is_the_same(music: MusicSet, uninterrupted: tuple[Outcome, Path], tmp_path: Path) -> None:
    """Killed twice in the middle of an epoch, while it writes states as fast as it can; the third start ends it."""
    run, config = tmp_path / "run", tmp_path / "train.toml"
    chosen = settings(**CHANGES, state_minutes=1e-9)
    config.write_text(tomli_w.dumps(chosen.model_dump(mode="json")))
    base = [sys.executable, "-m", "daemon", "export", "train", str(music.folder), "--run", str(run), "--workers", "1"]
    killed_at = [(0, 0)]
    for arguments in (["--config", str(config)], ["--resume"]):
        wanted = max(2, killed_at[-1][0] + 1)
        with subprocess.Popen([*base, *arguments], stderr=subprocess.PIPE) as process:

            def far_enough(epoch: int = wanted) -> bool:
                at = place_of(run)
                return at[0] >= epoch and at[1] > 1

            wait_for(far_enough, "a state to go on from")
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        killed_at.append(place_of(run))
    assert 2 <= killed_at[1][0] < killed_at[2][0] <= 6, killed_at
    done = subprocess.run([*base, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "6 epochs, all are done; the best is epoch" in done.stdout
    _, unkilled = uninterrupted
    last = epochs_of(run)[-1]
    assert last["validation_loss"] == pytest.approx(epochs_of(unkilled)[-1]["validation_loss"], abs=1e-4)
    for found, wanted_epoch in zip(epochs_of(run), epochs_of(unkilled), strict=True):
        assert found["epoch"] == wanted_epoch["epoch"]
        assert found["train_loss"] == pytest.approx(wanted_epoch["train_loss"], abs=1e-4)
    assert not list(run.rglob("*.tmp"))
    sessions = json.loads(RunFolder(run).environment.read_text())["sessions"]
    assert len(sessions) == 3


class Interrupted(Exception):
    """Stands for whatever ends a process between two epochs."""


def test_a_run_that_broke_off_goes_on_where_it_was(
    music: MusicSet, uninterrupted: tuple[Outcome, Path], tmp_path: Path
) -> None:
    """Equal to the last bit on one machine, curves and all."""
    run = tmp_path / "run"

    def interrupt(epoch: EpochFigures) -> None:
        if epoch.epoch == 4:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(music, settings(**CHANGES), run, on_epoch=interrupt)
    outcome = train(music, settings(**CHANGES), run, resume=True)
    assert outcome == uninterrupted[0]
    assert epochs_of(run) == epochs_of(uninterrupted[1])


def test_a_run_that_has_ended_is_only_reported(music: MusicSet, uninterrupted: tuple[Outcome, Path]) -> None:
    outcome, run = uninterrupted
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    assert train(music, settings(**CHANGES), run, resume=True) == outcome
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_other_settings_and_other_music_are_another_run(
    music: MusicSet, uninterrupted: tuple[Outcome, Path], tmp_path: Path
) -> None:
    _, run = uninterrupted
    changed = {**CHANGES, "seed": 3, "loss": {"kind": "bce"}}
    with pytest.raises(InputUnusable) as caught:
        train(music, settings(**changed), run, resume=True)
    assert "begun with other settings:\n  loss.kind: 'ce' then, 'bce' now\n  seed: 0 then, 3 now" in str(caught.value)
    fewer = replace(music, clips=music.clips[1:])
    with pytest.raises(InputUnusable, match="begun on other music"):
        train(fewer, settings(**CHANGES), run, resume=True)
    with pytest.raises(InputUnusable, match="holds no run to resume"):
        train(music, settings(), tmp_path / "none", resume=True)


def test_a_state_that_is_none_is_said_to_be_none(music: MusicSet, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(music, settings(epochs=1), run)
    RunFolder(run).state.write_bytes(RunFolder(run).best.read_bytes())
    with pytest.raises(InputUnusable, match="not the state of this run"):
        train(music, settings(epochs=1), run, resume=True)

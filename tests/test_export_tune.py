"""`genred export tune` on tiny music: real training, real processes, the settings it finds are used by training."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
import tomli_w
import torch
from typer.testing import CliRunner, Result

from export.cli import app
from export.data.music_set import MusicSet
from export.train.run_folder import RunFolder
from export.train.settings_file import read_settings
from tests.process import TIME_LIMIT_S, wait_for
from tests.training_sets import SETTINGS, make_set

SPACE = """
"optimiser.learning_rate" = { low = 1e-3, high = 3e-2, log = true }
network_options.widths = { choices = ["4,6", "6,8"] }
augment.strength = { low = 0.0, high = 1.0 }
"""


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Three labels, twelve clips."""
    return make_set(tmp_path_factory.mktemp("music") / "set", clips_per_label=4, seconds=4)


def arguments(music: MusicSet, folder: Path, *more: str, epochs: int = 2) -> list[str]:
    """A small study in `folder`."""
    (folder / "space.toml").write_text(SPACE)
    (folder / "train.toml").write_text(tomli_w.dumps({**SETTINGS, "threads": 1, "epochs": epochs}))
    return [
        *("tune", str(music.folder), "--study", str(folder / "study.sqlite"), "--runs", str(folder / "runs")),
        *("--space", str(folder / "space.toml"), "--config", str(folder / "train.toml"), "--heartbeat-s", "1"),
        *("--workers", "1", *more),
    ]


def here(*words: str) -> Result:
    """`genred export` in this process, for starting another takes seconds."""
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, words)
    finally:
        torch.set_num_threads(threads)


def table(folder: Path) -> list[dict[str, str]]:
    """The trials, best first."""
    with (folder / "runs" / "trials.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_two_processes_find_settings_that_training_takes(music: MusicSet, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon", "export", *arguments(music, tmp_path, "--trials", "4")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=100)  # it imports much, on a machine that may have much to do
        assert process.returncode == 0, err
        assert "best: trial" in out
    rows = table(tmp_path)
    assert [row["state"] for row in rows] == ["done"] * 4
    assert [float(row["macro_f1"]) for row in rows] == sorted((float(row["macro_f1"]) for row in rows), reverse=True)
    for row in rows:
        assert RunFolder(tmp_path / "runs" / row["run"]).best.is_file()
    best = read_settings(tmp_path / "runs" / "best.toml")
    assert f"{best.optimiser.learning_rate}" == rows[0]["optimiser.learning_rate"]
    assert best.network_options["widths"] == rows[0]["network_options.widths"]
    assert best.augment.mask == float(rows[0]["augment.strength"]) and best.batch_size == SETTINGS["batch_size"]
    for name in ("history", "epochs", "importance"):
        with av.open(str(tmp_path / "runs" / f"{name}.png")) as picture:
            assert picture.streams.video[0].width > 500
    config = str(tmp_path / "runs" / "best.toml")
    done = here("train", str(music.folder), "--run", str(tmp_path / "final"), "--config", config)
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "final" / "checkpoints" / "best.safetensors").is_file()


def test_a_killed_process_leaves_a_trial_that_the_next_one_finishes(music: MusicSet, tmp_path: Path) -> None:
    wanted = arguments(music, tmp_path, "--trials", "1", epochs=6)
    process = subprocess.Popen([sys.executable, "-m", "daemon", "export", *wanted], stderr=subprocess.DEVNULL)
    state = RunFolder(tmp_path / "runs" / "trial-0000").state
    try:
        wait_for(state.is_file, "the first epoch's state")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(TIME_LIMIT_S)
    done = here(*wanted)
    assert done.exit_code == 0, done.stderr
    first, second = table(tmp_path)
    assert (first["state"], second["state"]) == ("done (repeats 0)", "killed, repeated")
    assert first["run"] == second["run"] == "trial-0000" and first["epochs"] == "6"
    assert first["optimiser.learning_rate"] == second["optimiser.learning_rate"]
    assert len(RunFolder(tmp_path / "runs" / "trial-0000").metrics.read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--set", "epoch=3"], 78, "epoch: no such setting"),
        (["--space", "schedule"], 64, "--space schedule: no such file, and none of the named spaces: reference-c, sch"),
        (["--metric", "f1"], 64, "--metric f1: no figure f1; there are loss, "),
        (["--set", "early_stop.watch=f1"], 78, "early_stop.watch: 'f1' is none of loss, "),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    music: MusicSet, tmp_path: Path, more: list[str], code: int, said: str
) -> None:
    done = here(*arguments(music, tmp_path, "--trials", "3", *more, epochs=1))
    assert done.exit_code == code and said in done.stderr and "Traceback" not in done.stderr

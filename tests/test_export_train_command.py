"""`genred export train`: settings from a file, flags and words; what it says; and its exit codes."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from typer.testing import CliRunner

from export.cli import app
from export.compare.compare_command import compare_command
from export.data.music_set import MusicSet
from export.distil.distil_command import distil_command
from export.errors import SettingsUnusable
from export.evaluate.evaluate_command import evaluate_command
from export.train.display import epoch_line
from export.train.outcome import EpochFigures
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.settings_file import changed, checked, read_settings, settings_toml
from export.train.train_command import train_command
from tests.training_sets import make_set, settings

torch.set_num_threads(1)


def run_command(*arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `genred export train ARGUMENTS`."""
    result = CliRunner().invoke(app, ["train", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Tiny settings as a file."""
    path = tmp_path / "train.toml"
    path.write_text(tomli_w.dumps(settings().model_dump(mode="json")))
    return path


def test_from_a_set_to_a_run(music: MusicSet, config: Path, tmp_path: Path) -> None:
    run, cache = tmp_path / "run", tmp_path / "elsewhere"
    words = ["--set", "loss.kind=asl", "--set", "network_options.widths=4,6,8", "--set", "augment.mask = 0.5"]
    arguments = [str(music.folder), "--run", str(run), "--config", str(config), "--epochs", "2", "--cache", str(cache)]
    code, said, shown = run_command(*arguments, *words)
    assert code == 0, shown
    assert [line.partition(":")[0] for line in shown.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert said.startswith(f"{run}: 2 epochs, all are done; the best is epoch ")
    assert f"next: genred export evaluate {run} {music.folder}" in said
    kept = read_settings(RunFolder(run).settings)
    assert (kept.loss.kind, kept.network_options["widths"], kept.augment.mask) == ("asl", "4,6,8", 0.5)
    assert any(cache.rglob("*.npz")) and not (music.folder / "cache").exists()
    again = run_command(*arguments, *words)
    assert again[0] == 64 and "holds a run already" in again[2]
    resumed = run_command(str(music.folder), "--run", str(run), "--resume", "--cache", str(cache))
    assert resumed[0] == 0 and resumed[1] == said
    other = run_command(str(music.folder), "--run", str(run), "--resume", "--set", "seed=9", "--cache", str(cache))
    assert other[0] == 64 and "  seed: 0 then, 9 now" in other[2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--set", "optimizer.learning_rate=1"], 78, "optimizer: no such setting"),
        (["--set", "loss.kind=hinge"], 78, "loss.kind: Input should be 'auto', 'asymmetric-focal'"),
        (
            ["--set", "optimiser.learning_rate=-1"],
            78,
            "optimiser.learning_rate: Input should be greater than 0, not -1",
        ),
        (["--set", "epochs"], 78, "--set epochs: must be key=value"),
        (["--set", "epochs.more=1", "--epochs", "3"], 78, "epochs is no table of settings"),
        (["--set", "frozen=body"], 78, "needs initial"),
        (["--set", "hop_s=0.3"], 78, "hop_s = 0.3 must be a whole number of frames"),
        (["--set", "windows.balance=undersample"], 78, "needs per_label"),
        (["--config", "nowhere.toml"], 78, "nowhere.toml cannot be read: No such file"),
        (["--init", "nowhere"], 64, "initial: nowhere is no checkpoint, no run folder"),
        (["--resume"], 64, "holds no run to resume"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_code(
    music: MusicSet, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    found, _, shown = run_command(str(music.folder), "--run", str(tmp_path / "run"), *arguments)
    assert (found, said in shown) == (code, True), shown
    assert all(line.startswith("genred export: ") for line in shown.splitlines())
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_set_says_how_to_make_one(tmp_path: Path) -> None:
    code, _, shown = run_command(str(tmp_path), "--run", str(tmp_path / "run"))
    assert code == 64 and "make one with genred export scan" in shown


def test_a_file_that_is_no_toml_is_named(music: MusicSet, tmp_path: Path) -> None:
    config = tmp_path / "train.toml"
    config.write_text("epochs = \n")
    code, _, shown = run_command(str(music.folder), "--run", str(tmp_path / "run"), "--config", str(config))
    assert code == 78 and f"{config}: not TOML" in shown


def test_a_run_cannot_be_a_file(music: MusicSet, config: Path) -> None:
    code, _, shown = run_command(str(music.folder), "--run", str(config), "--config", str(config))
    assert code == 64 and "is a file; name a folder for the run" in shown


VALUES = st.one_of(
    st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text("abc 1,2", min_size=1)
)


@given(VALUES)
@examples(max_examples=60, deadline=None)
def test_words_put_values_in_and_leave_the_rest(value: bool | int | float | str) -> None:
    table = {"loss": {"kind": "bce", "gamma_positive": 1.0}, "epochs": 3}
    literal = tomli_w.dumps({"value": value}).partition("=")[2].strip()
    found = changed(table, [f"loss.gamma_positive={literal}", "optimiser.kind=adam"])
    assert found == {
        "loss": {"kind": "bce", "gamma_positive": value},
        "epochs": 3,
        "optimiser": {"kind": "adam"},
    }
    assert table == {"loss": {"kind": "bce", "gamma_positive": 1.0}, "epochs": 3}


def test_settings_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    for chosen in (TrainSettings(), settings(seed=4, augment={"mixup": 0.2})):
        path = tmp_path / "settings.toml"
        path.write_text(settings_toml(chosen))
        assert read_settings(path) == chosen
    with pytest.raises(SettingsUnusable, match="two wrong"):
        checked({"epochs": 0}, "two wrong")


def test_the_line_of_an_epoch_has_what_one_wants_to_know() -> None:
    epoch = EpochFigures(3, 0.5, 0.8, 0.25, {"macro_f1": 0.75, "recall_positives": 0.5}, 1e-3, 600, 2.0, True)
    wanted = (
        "epoch 3/9: loss 0.5000, validation 0.2500, recall 0.500, macro F1 0.750, rate 1.0e-03, 300 windows/s (best)"
    )
    assert epoch_line(epoch, 9) == wanted


def test_on_a_terminal_there_is_a_live_line(music: MusicSet, config: Path, tmp_path: Path) -> None:
    """Under a pseudo-terminal: epoch, batch, loss, windows a second and the time left; and a line an epoch stays."""
    program = [sys.executable, "-m", "daemon", "export", "train", str(music.folder), "--run", str(tmp_path / "run")]
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    done = subprocess.run(
        [sys.executable, "-c", script, *program, "--config", str(config), "--epochs", "4"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "windows/s" in done.stdout and "loss " in done.stdout and "epoch 4/4: loss" in done.stdout
    assert "32/32" in done.stdout  # batches of all epochs
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4]


@pytest.mark.skipif(not __import__("importlib.util").util.find_spec("wandb"), reason="wandb is not installed")
def test_weights_and_biases_offline_leaves_its_files_in_the_run(music: MusicSet, config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [str(music.folder), "--run", str(run), "--config", str(config), "--set", "wandb=offline"]
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "export", "train", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list(run.glob("wandb/offline-run-*/*.wandb"))
    assert "epoch 3/3" in done.stderr


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (train_command, distil_command, ("config", "epochs", "change", "resume")),
        (evaluate_command, compare_command, ("split", "common_labels", "resamples", "cache", "workers")),
    ],
)
def test_what_two_commands_share_is_spelt_out_once(
    one: Callable[..., None], other: Callable[..., None], shared: tuple[str, ...]
) -> None:
    """The same annotation, so that their helps cannot drift apart."""
    ours, theirs = (inspect.signature(command).parameters for command in (one, other))
    for name in shared:
        assert ours[name].annotation is theirs[name].annotation
        assert ours[name].default == theirs[name].default


def test_no_command_imports_from_another() -> None:
    export = Path(__file__).parent.parent / "export"
    for path in export.rglob("*command.py"):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        found = [line for line in lines if re.match(r"from export\..*_command import", line)]
        assert not found, path

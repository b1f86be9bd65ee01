"""Two processes that torchrun starts learn what one learns that hears both shares in one batch."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import distributed as dist
from torch import nn

from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.train.run_folder import RunFolder
from export.train.settings import OptimiserSettings, TrainSettings
from export.train.settings_file import settings_toml
from export.train.synced_norm import SyncedNorm, with_synced_norms
from export.train.training import train
from models.networks.input_scale import InputScale
from tests.training_sets import make_set, settings

torch.set_num_threads(1)

# All windows are one batch, or two halves of it: no draw decides who hears what.
WHOLE: dict[str, Any] = {
    "epochs": 4,
    "batch_size": 60,
    "network_options": {"dropout": 0.0},
    "optimiser": {"learning_rate": 0.01, "clip_norm": 1.0},
    "threads": 1,
}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """60 windows to train on, 15 to validate on."""
    return make_set(tmp_path_factory.mktemp("music"))


def epochs_of(run: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in RunFolder(run).metrics.read_text().splitlines()]


def torchrun(music: MusicSet, run: Path, chosen: TrainSettings) -> subprocess.CompletedProcess[str]:
    """`genred export train` in two processes."""
    config = run.parent / "train.toml"
    config.write_text(settings_toml(chosen))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    program = ["-m", "--", "daemon", "export", "train", str(music.folder), "--run", str(run), "--workers", "1"]
    return subprocess.run(
        [*command, *program, "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_two_processes_learn_what_one_learns_with_the_double_batch(music: MusicSet, tmp_path: Path) -> None:
    alone = train(music, settings(**WHOLE), tmp_path / "alone")
    run = tmp_path / "together"
    done = torchrun(music, run, settings(**{**WHOLE, "batch_size": 30}))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the best is epoch") == 1  # one of the two says it
    assert done.stderr.count("epoch 4/4") == 1
    for found, wanted in zip(epochs_of(run), epochs_of(tmp_path / "alone"), strict=True):
        assert found["windows"] == wanted["windows"] == 60
        for key in ("train_loss", "validation_loss", "train_recall"):
            assert found[key] == pytest.approx(wanted[key], abs=1e-3), (found["epoch"], key)
        assert found["figures"]["rows"] == 15
        assert found["figures"]["roc_auc"] == pytest.approx(wanted["figures"]["roc_auc"], abs=0.01)
    assert epochs_of(run)[-1]["validation_loss"] == pytest.approx(alone.validation_loss, abs=1e-3)
    with pytest.raises(InputUnusable, match="this run is of 2 processes; go on with as many, not 1"):
        train(music, settings(**{**WHOLE, "batch_size": 30}), run, resume=True)


def test_two_processes_learn_on_what_a_frozen_body_says_as_one_does(music: MusicSet, tmp_path: Path) -> None:
    """Each lets the body hear its share of the clips; what they learn on it is the same, and the body stays."""
    chosen = TrainSettings(
        network="musicnn-mlp",
        network_options={"dropout": 0.0},
        epochs=1,
        batch_size=24,
        device="cpu",
        threads=1,
        optimiser=OptimiserSettings(kind="adam", learning_rate=0.01),
    )
    train(music, chosen, tmp_path / "alone", cache=tmp_path / "cache", workers=1)
    done = torchrun(music, tmp_path / "together", chosen.model_copy(update={"batch_size": 12}))
    assert done.returncode == 0, done.stderr
    (found,), (wanted,) = (epochs_of(tmp_path / run) for run in ("together", "alone"))
    assert found["windows"] == wanted["windows"] == 24
    for key in ("train_loss", "validation_loss"):
        assert found[key] == pytest.approx(wanted[key], abs=1e-4), key
    kept, others = (
        sorted(path.name for path in cache.glob("embeddings/*/*/*.npz"))
        for cache in (music.folder / "cache", tmp_path / "cache")
    )
    assert kept == others and len(kept) == 15
    weights, alone = (safetensors.torch.load_file(RunFolder(tmp_path / run).best) for run in ("together", "alone"))
    assert weights.keys() == alone.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, alone[name], rtol=1e-3, atol=1e-4)
        assert not name.startswith("body.") or torch.equal(tensor, alone[name]), name


@pytest.fixture
def team_of_one() -> Any:
    """A process group with this process alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("norm", "shape"),
    [
        (nn.BatchNorm2d(3, eps=1e-3, momentum=0.2), (4, 3, 5, 6)),
        (nn.BatchNorm1d(3), (8, 3)),
        (InputScale(3).norm, (4, 3, 7)),
    ],
)
@pytest.mark.usefixtures("team_of_one")
def test_a_synced_norm_of_one_is_torchs_own(norm: nn.BatchNorm2d, shape: tuple[int, ...]) -> None:
    torch.manual_seed(5)
    if norm.affine:
        nn.init.normal_(norm.weight)
    own = copy.deepcopy(norm)
    (synced,) = with_synced_norms(nn.Sequential(norm)).children()
    assert isinstance(synced, SyncedNorm)
    for values in (3 + 2 * torch.randn(*shape), 4 * torch.randn(*shape)):
        inputs = [values.clone().requires_grad_() for _ in range(2)]
        outputs = [module.train()(given) for module, given in zip((synced, own), inputs, strict=True)]
        for output in outputs:
            output.pow(3).sum().backward()
        torch.testing.assert_close(outputs[0], outputs[1])
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-4, atol=1e-4)
    if norm.affine:
        torch.testing.assert_close(synced.weight.grad, own.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dict(synced.state_dict()), dict(own.state_dict()))
    torch.testing.assert_close(synced.eval()(values), own.eval()(values))

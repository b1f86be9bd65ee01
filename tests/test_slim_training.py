"""A slim musicnn that has learnt already learns other labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from export.data.music_set import MusicSet
from export.data.recipe import Recipe
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.trained import NetworkSpec, load_network, save_network
from export.train.training import train
from models.card import Label
from models.front_ends.spec import MUSICNN_FRONT_END
from models.musicnn.slim import SlimMusicnn
from tests.training_sets import LABELS, make_set

torch.set_num_threads(1)
FILTERS = "3,2,1,1,2;2,2,1,1,1"


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    """The checkpoint of a network with seven labels."""
    torch.manual_seed(0)
    network = SlimMusicnn(7, FILTERS, rank=4)
    labels = tuple(Label(f"l{n}", "genre") for n in range(7))
    recipe = Recipe(MUSICNN_FRONT_END, window_s=4.0, hop_s=2.0)
    path = tmp_path / "learnt.safetensors"
    save_network(
        path,
        NetworkSpec("slim-musicnn", labels, recipe, "sigmoid", {"filters": FILTERS, "rank": 4}),
        network.state_dict(),
    )
    return path


@pytest.mark.parametrize("frozen", ["body", "nothing"])
def test_other_labels_begin_anew_behind_what_was_learnt(
    learnt: Path, music: MusicSet, frozen: str, tmp_path: Path
) -> None:
    before = load_network(learnt)[1].state_dict()
    table = {"initial": str(learnt), "frozen": frozen, "epochs": 1, "batch_size": 2, "device": "cpu"}
    train(music, TrainSettings.model_validate(table), tmp_path / "run", workers=1)
    spec, network = load_network(RunFolder(tmp_path / "run").best)
    assert isinstance(network, SlimMusicnn)
    assert spec.options["filters"] == FILTERS
    assert network.output.out_features == len(LABELS)
    for name, tensor in network.state_dict().items():
        if name.startswith("output."):
            assert len(LABELS) in tensor.shape
        else:
            assert torch.equal(tensor, before[name]) == (frozen == "body"), name

"""Where a run takes its first weights from is nothing to the network: no checkpoint keeps it, and older ones load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import safetensors
import torch

from export.data.music_set import MusicSet
from export.data.recipe import Recipe
from export.errors import SettingsUnusable
from export.train.settings import TrainSettings
from export.train.starting import starting_network
from export.train.trained import NetworkSpec, checkpoint_of, load_network, read_spec, save_network
from export.train.training import train
from models.card import Label
from models.front_ends.named import HEARINGS
from models.networks.registry import NETWORKS, Options, make_network
from models.networks.wav2vec2 import config_text
from tests.training_sets import make_set
from tests.wav2vec2_checkpoint import TINY, tiny_settings, write_checkpoint

torch.set_num_threads(1)

LABELS: Final = (Label("high", "genre"), Label("low", "genre"))
BEGINNING: Final = sorted(name for name, kind in NETWORKS.items() if kind.begins_with)
SMALL: Final[dict[str, Options]] = {
    "musicnn-mlp": {"hidden": 8},
    "resnet50": {"blocks": "1,1,1,1", "first_conv": "kept"},
    "wav2vec2": {"config": config_text(TINY)},
    "wav2vec2-mlp": {"config": config_text(TINY), "hidden": 8},
}


def spec_of(name: str) -> NetworkSpec:
    """A small one; its options as older checkpoints have them."""
    kind = NETWORKS[name]
    hearing = HEARINGS[kind.hearing]
    began = dict.fromkeys(kind.begins_with, "/home/somebody/weights")
    recipe = Recipe(hearing.front_end, hearing.window_s, hearing.hop_s)
    return NetworkSpec(name, LABELS, recipe, "softmax", {**SMALL[name], **began})


@pytest.mark.parametrize("name", BEGINNING)
def test_older_checkpoints_load_and_forget_what_they_began_with(name: str, tmp_path: Path) -> None:
    spec = spec_of(name)
    written = spec.build()
    save_network(tmp_path / "old.safetensors", spec, written.state_dict())
    found, network = load_network(tmp_path / "old.safetensors")
    assert found == replace(spec, options=SMALL[name])
    for key, tensor in written.state_dict().items():
        assert torch.equal(network.state_dict()[key], tensor), key


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - set(BEGINNING)))
def test_others_have_no_such_option(name: str) -> None:
    for option in ("checkpoint", "weights"):
        with torch.device("meta"), pytest.raises(TypeError, match=option):
            make_network(name, 2, {option: "x"}, spec_shape(name))


def spec_shape(name: str) -> tuple[int, ...]:
    """Of what it usually takes."""
    return TrainSettings(network=name).recipe.input_shape


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Little of it."""
    return make_set(tmp_path_factory.mktemp("set"), clips_per_label=3)


def test_a_run_leaves_no_path_in_its_networks_options(music: MusicSet, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "published")
    train(music, tiny_settings(folder, epochs=1), tmp_path / "run", workers=1)
    spec, _ = load_network(checkpoint_of(tmp_path / "run"))
    assert set(spec.options) == {"config"}


def test_a_first_convolution_is_kept_from_something() -> None:
    settings = TrainSettings(network="resnet50", network_options={"first_conv": "kept", "blocks": "1,1,1,1"})
    with pytest.raises(SettingsUnusable, match="first_conv = 'kept' needs weights"):
        starting_network(settings, LABELS)


def test_a_checkpoint_of_a_later_genred_loads_as_its_card_would(tmp_path: Path) -> None:
    """What is new about the front end is passed over; what is missing is said."""
    spec = replace(spec_of("musicnn-mlp"), options=SMALL["musicnn-mlp"])
    save_network(tmp_path / "now.safetensors", spec, spec.build().state_dict())
    with safetensors.safe_open(tmp_path / "now.safetensors", "pt") as file:
        ((_, text),) = file.metadata().items()
    fields = json.loads(text)
    fields["recipe"]["front_end"]["window"] = "hann"
    assert read_spec(json.dumps(fields)) == spec
    del fields["recipe"]["front_end"]["f_max_hz"]
    with pytest.raises(ValueError, match="front_end lacks the field 'f_max_hz'"):
        read_spec(json.dumps(fields))

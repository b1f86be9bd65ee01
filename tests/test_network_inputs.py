"""Every network either takes what a front end gives it, or refuses to be built."""

from __future__ import annotations

from typing import Any, Final

import pytest
import torch

from export.data.recipe import Recipe
from export.errors import SettingsUnusable
from export.train.settings import TrainSettings
from export.train.starting import starting_network
from models.card import Label
from models.front_ends.named import HEARINGS, HearingName
from models.networks.registry import NETWORKS, make_network
from models.networks.wav2vec2 import config_text
from tests.wav2vec2_checkpoint import TINY

LABELS: Final = (Label("high", "genre"), Label("low", "genre"))
# The architecture of the waveforms' networks: that of the base takes seconds to be built, even without memory.
OPTIONS: Final = {name: {"config": config_text(TINY)} for name in ("wav2vec2", "wav2vec2-mlp")}


def input_shape(hearing: HearingName) -> tuple[int, ...]:
    """Of what the network takes of a front end's usual window."""
    found = HEARINGS[hearing]
    return Recipe(found.front_end, found.window_s, found.hop_s).input_shape


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_takes_what_a_front_end_gives_or_refuses(name: str) -> None:
    taken = set()
    for hearing in HEARINGS:
        shape = input_shape(hearing)
        try:
            with torch.device("meta"):
                network: Any = make_network(name, len(LABELS), OPTIONS.get(name, {}), shape).eval()
        except ValueError as error:
            assert "it takes" in str(error) or "to nothing" in str(error), (hearing, error)
            continue
        with torch.device("meta"):
            assert network.logits(torch.zeros(2, *shape)).shape == (2, len(LABELS)), hearing
        taken.add(hearing)
    assert NETWORKS[name].hearing in taken
    assert taken < set(HEARINGS)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_settings_with_inputs_it_cannot_take_are_refused_before_anything_is_heard(name: str) -> None:
    front_end = "track174" if len(input_shape(NETWORKS[name].hearing)) > 1 else "frame33"
    table = {"network": name, "network_options": OPTIONS.get(name, {}), "front_end": front_end}
    settings = TrainSettings.model_validate(table)
    with pytest.raises(SettingsUnusable, match=f"{name} cannot be made with them: it takes"):
        starting_network(settings, LABELS)


def test_musicnn_counts_its_mels() -> None:
    with pytest.raises(ValueError, match=r"it takes frames of 96 mels .* not an array of shape \(250, 128\)"):
        make_network("musicnn", 2, {}, (250, 128))


def test_a_waveform_shorter_than_the_convolutions_see_is_refused() -> None:
    config = {"config": config_text(TINY)}
    fewest = 10 + 5 * (8 - 1) + 5 * 8 * (4 - 1)
    with pytest.raises(ValueError, match=f"waveforms of {fewest} samples or more"):
        make_network("wav2vec2", 2, config, (fewest - 1,))
    network: Any = make_network("wav2vec2", 2, config, (fewest,)).eval()
    assert network.logits(torch.zeros(1, fewest)).shape == (1, 2)

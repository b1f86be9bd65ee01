"""docs/networks.md counts what there is, and the settings beside it can be trained with."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from typer.main import get_command

from export.cli import app
from export.train.settings import TrainSettings
from models.front_ends.named import HEARINGS
from models.networks.registry import NETWORKS, make_network

DOCS: Final = Path(__file__).parent.parent / "docs"
ROW: Final = re.compile(r"^\| `([\w-]+)` \| `([\w-]+)`, (\d+) s \| ([\d,]+) \+ ([\d,]+) n \|", re.MULTILINE)
ROWS: Final = {row[0]: row[1:] for row in ROW.findall((DOCS / "networks.md").read_text(encoding="utf-8"))}


def test_every_network_is_in_the_table() -> None:
    assert sorted(ROWS) == sorted(NETWORKS)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_table_says_what_it_hears_and_counts_its_parameters(name: str) -> None:
    hearing, window_s, base, of_each_label = ROWS[name]
    kind = NETWORKS[name]
    assert (kind.hearing, HEARINGS[kind.hearing].window_s) == (hearing, float(window_s))
    shape = TrainSettings(network=name).recipe.input_shape
    for n_labels in (1, 8):
        with torch.device("meta"):
            network = make_network(name, n_labels, {}, shape)
        count = sum(parameter.numel() for parameter in network.parameters())
        assert count == int(base.replace(",", "")) + n_labels * int(of_each_label.replace(",", ""))


@pytest.mark.parametrize("name", ["vector-cnn", "vector-dense", "vector-rnn"])
def test_the_page_of_the_vectors_counts_their_parameters(name: str) -> None:
    (said,) = re.findall(
        rf"^\| `{name}` \(([\d,]+)", (DOCS / "vector-networks.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    with torch.device("meta"):
        network = make_network(name, 10, {}, (174,))
    assert int(said.replace(",", "")) == sum(parameter.numel() for parameter in network.parameters())


def test_the_command_lists_them() -> None:
    commands: Any = get_command(app)
    (said,) = [parameter.help for parameter in commands.commands["train"].params if parameter.name == "network"]
    listed = said.partition(";")[0].replace("(the default)", "").replace(" or ", ", ").split(",")
    assert sorted(name.strip() for name in listed) == sorted(NETWORKS)


@pytest.mark.parametrize("path", sorted((DOCS / "networks").glob("*.toml")), ids=lambda path: path.name)
def test_the_settings_beside_it_are_settings(path: Path) -> None:
    settings = TrainSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    assert settings.network in (*NETWORKS, "auto")
    assert f"({path.parent.name}/{path.name})" in (DOCS / "networks.md").read_text(encoding="utf-8")

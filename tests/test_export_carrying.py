"""What is arranged to carry, and that hop by hop it is the network, with its temperature and its activation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from export.convert.carrying import HopServed, can_carry, carrying_graph
from export.convert.runtime import cpu_session
from export.convert.serving import Served
from export.data.recipe import Recipe
from models.card import Activation
from models.front_ends.spec import MUSICNN_FRONT_END
from models.networks.registry import make_network
from tests.test_musicnn import shake_norms

torch.set_num_threads(1)
RECIPE = Recipe(MUSICNN_FRONT_END)
CARRYING = ("musicnn", "musicnn-mlp", "slim-musicnn")


def network(name: str) -> torch.nn.Module:
    """With weights of no use, and normalisations that do something."""
    torch.manual_seed(0)
    found = make_network(name, 3, {}, RECIPE.input_shape).eval()
    shake_norms(found, 0)
    return found


def windows(batch: int) -> Tensor:
    """Numbers like a log-mel spectrum's: (batch, 250, 96)."""
    return 4 * torch.rand(batch, 250, 96, generator=torch.Generator().manual_seed(1)) ** 2


@pytest.mark.parametrize("name", CARRYING)
@pytest.mark.parametrize(("activation", "temperature"), [("sigmoid", 1.0), ("softmax", 2.5)])
def test_hop_by_hop_is_the_whole(name: str, activation: Activation, temperature: float) -> None:
    served = Served(network(name), activation, temperature).eval()
    assert can_carry(served, RECIPE)
    hops, heard = HopServed(served).eval(), windows(2)
    with torch.inference_mode():
        carried = hops.first_carry(heard)
        assert carried.shape == (2, hops.carry_size)
        scores, carry = hops(heard, carried)
        torch.testing.assert_close(scores, served(heard), rtol=0, atol=1e-5)
        after = torch.cat([heard[:, 125:], heard[:, :125]], dim=1)
        torch.testing.assert_close(hops(after, carry)[0], served(after), rtol=0, atol=1e-5)


def test_the_graph_carries_softmax() -> None:
    served = Served(network("slim-musicnn"), "softmax", 2.5).eval()
    session, heard = cpu_session(carrying_graph(served, RECIPE.input_shape)), windows(3)
    with torch.inference_mode():
        wanted = served(heard).numpy()
    _, carry = session.run(None, {"log_mel": torch.roll(heard, 125, dims=1).numpy()})
    for given in ({}, {"carried": carry}):
        scores, _ = session.run(None, {"log_mel": heard.numpy(), **given})
        np.testing.assert_allclose(scores, wanted, atol=1e-5)
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", CARRYING)
def test_other_windows_share_nothing(name: str) -> None:
    served = Served(network(name), "sigmoid")
    assert not can_carry(served, Recipe(MUSICNN_FRONT_END, window_s=6.0))


def test_other_networks_share_nothing() -> None:
    assert not can_carry(Served(torch.nn.Linear(96, 3), "sigmoid"), RECIPE)

"""The slim musicnn: what it keeps of a musicnn is what it was, a hop at a time is the whole, and it can be taught."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.musicnn.folding import folded_norm
from models.musicnn.hops import FirstCarry
from models.musicnn.network import FrontBlock, Musicnn
from models.musicnn.slim import (
    BLOCK_FRAMES,
    N_STEPS,
    STEP_FRAMES,
    TIMBRAL_FRAMES,
    TIMBRAL_MELS,
    SlimMusicnn,
    slim_musicnn,
)
from models.musicnn.slim_hops import HopSlimMusicnn
from models.musicnn.slim_start import start_from
from tests.test_musicnn import shake_norms

torch.set_num_threads(1)
KEPT = (3, 4, 2, 2, 5)
FILTERS = "3,4,2,2,5"
PATCHES = [torch.eye(TIMBRAL_FRAMES * mels, dtype=torch.float64) for mels in TIMBRAL_MELS]


def trained(seed: int, n_labels: int) -> Musicnn:
    """A network of which few filters live: the others have no weights, as weight decay leaves them."""
    torch.manual_seed(seed)
    network = Musicnn(n_labels)
    shake_norms(network, seed)
    for block, n in zip(network.front, KEPT, strict=True):
        assert isinstance(block, FrontBlock)
        living = torch.randperm(block.conv.out_channels)[:n]
        weight = torch.zeros_like(block.conv.weight)
        weight[living] = block.conv.weight.detach()[living]
        block.conv.weight.data = weight
    return network.eval()


def windows(batch: int, seed: int = 0) -> Tensor:
    """Numbers like a log-mel spectrum's: (batch, 250, 96), 0..4."""
    return 4 * torch.rand(batch, 2 * BLOCK_FRAMES, 96, generator=torch.Generator().manual_seed(seed)) ** 2


def slim_of(networks: list[Musicnn], rank: int) -> SlimMusicnn:
    """All their labels side by side, but for the last of the first and the first of the second, which are the same."""
    owned = [network.output.out_features for network in networks]
    n_labels = sum(owned) - 1
    merge = torch.zeros(sum(owned), n_labels)
    for row in range(sum(owned)):
        merge[row, row if row < owned[0] else row - 1] = 0.5 if row in (owned[0] - 1, owned[0]) else 1.0
    filters = ";".join([FILTERS] * len(networks))
    slim = SlimMusicnn(n_labels, filters, rank, step_mels=1, step_temporal_mels=1).eval()
    start_from(slim, networks, merge, PATCHES)
    return slim


def test_it_begins_near_its_teachers() -> None:
    networks = [trained(1, 3), trained(2, 4)]
    heard = windows(3)
    with torch.inference_mode():
        one, two = [network(heard) for network in networks]
        wanted = torch.cat([one[:, :2], (one[:, 2:] + two[:, :1]) / 2, two[:, 1:]], dim=1)
        found = slim_of(networks, rank=8)(heard)
        other = slim_of([trained(3, 3), trained(4, 4)], rank=8)(heard)
    assert found.shape == (3, 6)
    assert (found - wanted).abs().mean() < 0.4 * (other - wanted).abs().mean()


def test_with_a_pattern_for_every_filter_inner_outputs_are_the_trained_filters_own() -> None:
    network = trained(1, 3)
    slim = slim_of([network, trained(2, 4)], rank=2 * max(KEPT[:2]))
    heard, n = windows(2), KEPT[0]
    with torch.inference_mode():
        block = network.front[0]
        assert isinstance(block, FrontBlock)
        wanted = block(network.input_norm(heard.unsqueeze(1)))
        living = block.conv.weight.flatten(1).norm(dim=1).nonzero()[:, 0]
        _, shift = folded_norm(block.norm)
        highest = slim.timbral_of(heard[:, :BLOCK_FRAMES])[:, :n]
        ours = torch.relu(highest * slim.gain[:n] + slim.bias[:n]) * slim.scale[:n] + shift[living].float()[:, None]
    theirs = wanted[:, living][:, :, :BLOCK_FRAMES:STEP_FRAMES]
    assert ours.shape == theirs.shape == (2, n, N_STEPS)
    torch.testing.assert_close(ours[:, :, 2:-2], theirs[:, :, 2:-2], rtol=1e-4, atol=1e-4)


def test_fewer_patterns_than_filters_answer_less_like_them() -> None:
    network = trained(1, 3)
    exact = slim_of([network, trained(2, 4)], rank=8).timbral_of(windows(2)[:, :BLOCK_FRAMES])
    errors = [
        float(
            (slim_of([network, trained(2, 4)], rank).timbral_of(windows(2)[:, :BLOCK_FRAMES]) - exact)
            .detach()
            .abs()
            .mean()
        )
        for rank in (6, 2)
    ]
    assert 0 < errors[0] < errors[1]


@pytest.mark.parametrize(("step_mels", "step_temporal_mels"), [(1, 1), (2, 4), (3, 1), (4, 4)])
def test_hop_by_hop_equals_the_whole(step_mels: int, step_temporal_mels: int) -> None:
    slim = SlimMusicnn(5, FILTERS, 4, step_mels, step_temporal_mels).eval()
    hops = HopSlimMusicnn(slim).eval()
    stream = torch.cat([windows(2, 1), windows(2, 2)], dim=1)
    with torch.inference_mode():
        carried = hops.first_carry(stream[:, : 2 * BLOCK_FRAMES])
        assert carried.shape == (2, hops.carry_size)
        for start in (0, BLOCK_FRAMES, 2 * BLOCK_FRAMES):
            frames = stream[:, start : start + 2 * BLOCK_FRAMES]
            torch.testing.assert_close(FirstCarry(hops)(frames), carried)
            logits, carried = hops(frames, carried)
            torch.testing.assert_close(torch.sigmoid(logits), slim(frames), rtol=0, atol=1e-6)


def test_it_can_be_taught() -> None:
    slim = SlimMusicnn(5, FILTERS).train()
    optimiser = torch.optim.Adam(slim.parameters(), 1e-2)
    wanted, losses = torch.rand(2, 5), []
    for _ in range(6):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(slim.logits(windows(2)), wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(parameter.grad is not None for parameter in slim.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert slim.embedding(windows(2)).shape == (2, 200)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": "1,2,3"},
        {"filters": "a,b,c,d,e"},
        {"rank": 0},
        {"step_mels": 0},
        {"step_temporal_mels": -1},
    ],
)
def test_values_that_no_network_can_have_are_refused(options: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match=r"filters|step|rank"):
        SlimMusicnn(5, **options)  # type: ignore[arg-type]


def test_other_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="250 frames of 96 mels"):
        slim_musicnn(5, (500, 96))

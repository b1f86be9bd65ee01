"""musicnn without its dead filters is the same function; filters that do something stay."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from export.convert.carrying import HopServed
from export.convert.serving import Served, lean
from export.train.initial import initial_network
from models.musicnn.hops import FRAMES_PER_BLOCK, HopMusicnn
from models.musicnn.living import LivingMidBlock, LivingMusicnn, all_kept
from models.musicnn.living_filters import living, probes
from models.musicnn.network import N_MELS, FrontBlock, MidBlock, Musicnn
from models.musicnn.packed_conv import pack_sizes
from models.networks.embedding_mlp import EmbeddingMlp, MusicnnEmbedding
from models.networks.living_mlp import LivingMlp
from models.networks.registry import make_network
from tests.reference_data import needs_reference, reference
from tests.test_musicnn import shake_norms, windows

torch.set_num_threads(1)
MODELS = pytest.mark.parametrize("model", ["musicnn-msd", "musicnn-mtt"])
NAMES = [f"front.{block}" for block in range(5)] + ["mid.0"]


def untrained(seed: int) -> Musicnn:
    """A network of random weights, in evaluation."""
    torch.manual_seed(seed)
    made = Musicnn(n_labels=5)
    shake_norms(made, seed)
    return made.eval()


def with_dead(network: Musicnn, share: float, seed: int) -> Musicnn:
    """A copy in which about that share of the filters have weights of nought, or nearly."""
    random, dead = torch.Generator().manual_seed(seed), copy.deepcopy(network)
    for name in NAMES:
        block = dead.get_submodule(name)
        assert isinstance(block, FrontBlock | MidBlock)
        weight = block.conv.weight.data
        weight[torch.rand(len(weight), generator=random) < share] *= 1e-30
    return dead


def sizes(network: LivingMusicnn) -> list[int]:
    """Filters of each front block, and of the first middle layer."""
    return [block.conv.out_channels for block in network.front if isinstance(block, FrontBlock)] + [network.n_first]


def alive(network: Musicnn) -> list[int]:
    """The same, of filters with weights."""
    found = []
    for name in NAMES:
        block = network.get_submodule(name)
        assert isinstance(block, FrontBlock | MidBlock)
        found.append(max(1, int((block.conv.weight.abs().flatten(1).amax(dim=1) > 1e-20).sum())))
    return found


def trained(name: str) -> Musicnn:
    network = initial_network(name)[1]
    assert isinstance(network, Musicnn)
    return network.eval()


@settings(max_examples=4, deadline=None)
@given(share=st.sampled_from([0.3, 0.9, 1.0]), seed=st.integers(0, 100), n_frames=st.integers(7, 60))
def test_any_dead_filters_may_go(share: float, seed: int, n_frames: int) -> None:
    dead = with_dead(untrained(1), share, seed)
    found = living(dead)
    assert sizes(found) == alive(dead)
    heard = torch.cat([windows(2, n_frames, seed), torch.zeros(1, n_frames, 96), torch.ones(1, n_frames, 96)])
    with torch.inference_mode():
        torch.testing.assert_close(found(heard), dead(heard), rtol=0, atol=1e-5)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_hop_by_hop_it_is_the_same(share: float) -> None:
    dead = with_dead(untrained(2), share, seed=3)
    hops = HopMusicnn(living(dead)).eval()
    streams = torch.cat([windows(1, 500), windows(1, 500, seed=1)])
    streams[1, 200:400] = 0  # silence in the middle of music
    with torch.inference_mode():
        carried = hops.first_carry(streams[:, :250])
        for start in range(0, 251, FRAMES_PER_BLOCK):
            heard = streams[:, start : start + 250]
            torch.testing.assert_close(hops.first_carry(heard), carried, rtol=0, atol=1e-5)
            logits, carried = hops(heard, carried)
            torch.testing.assert_close(torch.sigmoid(logits), dead(heard), rtol=0, atol=1e-5)


def test_a_network_without_dead_filters_keeps_all() -> None:
    network = untrained(4)
    found, whole = living(network), LivingMusicnn(network, all_kept(network))
    assert sizes(found) == [204, 204, 51, 51, 51, 64]
    for name, values in whole.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], values, rtol=0, atol=0)
    first = found.mid[0]
    assert isinstance(first, LivingMidBlock) and not first.of_dropped.any()


def test_what_is_small_but_heard_stays() -> None:
    """All filters of one kind made a thousand times smaller: not dead, for their normalisation makes up for it."""
    network = untrained(5)
    block = network.front[2]
    assert isinstance(block, FrontBlock) and block.conv.bias is not None and block.norm.running_mean is not None
    block.conv.weight.data /= 1000
    block.conv.bias.data /= 1000
    block.norm.running_mean.data /= 1000
    block.norm.weight.data *= 1000
    assert sizes(living(network)) == [204, 204, 51, 51, 51, 64]


@MODELS
def test_of_the_published_networks_little_lives(model: str) -> None:
    network = trained(model)
    found = living(network)
    wanted = {"musicnn-msd": [23, 14, 3, 7, 17, 20], "musicnn-mtt": [67, 68, 16, 15, 43, 21]}
    assert sizes(found) == wanted[model]
    heard = windows(3, 250, seed=9)
    with torch.inference_mode():
        torch.testing.assert_close(found(heard), network(heard), rtol=0, atol=1e-5)
        torch.testing.assert_close(found(probes()), network(probes()), rtol=0, atol=2e-6)


@needs_reference
@MODELS
def test_on_music_they_say_the_same(model: str) -> None:
    heard = torch.from_numpy(np.concatenate([reference(f"{clip}_win250hop125_f32")[::2] for clip in ("joram", "TRWJ")]))
    network = trained(model)
    with torch.inference_mode():
        torch.testing.assert_close(living(network)(heard), network(heard), rtol=0, atol=1e-5)


def test_what_is_served_has_them_no_more() -> None:
    dead = with_dead(untrained(6), 0.8, seed=6)
    served = Served(dead, "softmax", temperature=2.0).eval()
    heard = windows(2, 30)
    with torch.inference_mode():
        torch.testing.assert_close(lean(served)(heard), served(heard), rtol=0, atol=1e-5)
    assert isinstance(lean(served).network, LivingMusicnn)
    whole = HopServed(Served(untrained(6), "sigmoid")).carry_size
    assert HopServed(Served(dead, "sigmoid")).carry_size < whole / 2


@pytest.mark.parametrize(
    ("filters", "packs"),
    [((51, 51, 51), [64, 48, 48]), ((3, 7, 17), [16, 0, 16]), ((16, 15, 43), [16, 16, 48]), ((1, 1, 1), [16, 0, 0])],
)
def test_temporal_filters_fill_sixteens(filters: tuple[int, ...], packs: list[int]) -> None:
    assert pack_sizes(list(filters)) == packs


def test_an_mlp_on_musicnns_body_is_served_without_what_is_dead_in_it() -> None:
    network = make_network("musicnn-mlp", 3, {}, (250, N_MELS))
    assert isinstance(network, EmbeddingMlp) and isinstance(network.body, MusicnnEmbedding)
    shipped = initial_network("musicnn-msd")[1].state_dict()
    network.body.musicnn.load_state_dict(
        {name: values for name, values in shipped.items() if not name.startswith("output.")}
    )
    served = Served(network, "softmax").eval()
    quick = lean(served)
    assert isinstance(quick.network, LivingMlp)
    heard = probes()
    with torch.inference_mode():
        torch.testing.assert_close(quick(heard), served(heard), rtol=0, atol=1e-5)
    assert sum(each.numel() for each in quick.parameters()) < 0.4 * sum(each.numel() for each in served.parameters())

"""The two spectrogram networks: counted, of any window, trainable, and what attention says can be looked at."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.option_checks import parsed_counts
from models.networks.registry import make_network
from models.networks.spectrogram_attention_cnn import Cbam, SpectrogramAttentionCnn
from models.networks.spectrogram_cnn import SpectrogramCnn

SMALL: dict[str, int | float | str | bool] = {"widths": "4,6", "pool": 2, "hidden": 8}
SPECTROGRAM = ("spectrogram-cnn", "spectrogram-attention-cnn")


def n_parameters(network: nn.Module) -> int:
    """What an optimiser changes."""
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "count"), [("spectrogram-cnn", 322_215), ("spectrogram-attention-cnn", 325_325)])
def test_the_parameters_are_those_of_the_reference(name: str, count: int) -> None:
    network: Any = make_network(name, 7, {}, (128, 128)).eval()
    assert n_parameters(network) == count
    assert network.logits(torch.zeros(1, 128, 128)).shape == (1, 7)


@pytest.mark.parametrize("name", SPECTROGRAM)
def test_the_sizes_inside_are_those_of_the_reference(name: str) -> None:
    network: Any = make_network(name, 7, {}, (128, 128)).eval()
    sizes: list[tuple[int, ...]] = []
    for block in network.blocks:
        block.register_forward_hook(lambda _block, _given, found: sizes.append(tuple(found.shape[1:])))
    network.logits(torch.zeros(1, 128, 128))
    pool = 3 if name == "spectrogram-cnn" else 2
    assert sizes == [(32, 128, 128), (64, 128 // pool, 128 // pool), (128, 128 // pool**2, 128 // pool**2)]


@pytest.mark.parametrize("name", SPECTROGRAM)
@pytest.mark.parametrize("shape", [(128, 128), (250, 96), (1, 1), (2, 40), (125, 13)])
def test_any_window_has_logits(name: str, shape: tuple[int, int]) -> None:
    network: Any = make_network(name, 3, SMALL, shape).eval()
    logits = network.logits(torch.randn(2, *shape)).detach()
    assert logits.shape == (2, 3)
    assert bool(logits.isfinite().all())


@pytest.mark.parametrize("name", (*SPECTROGRAM, "musicnn"))
def test_the_logits_are_the_output_of_the_embedding(name: str) -> None:
    network: Any = make_network(name, 3, {}, (40, 96)).eval()
    windows = torch.randn(2, 40, 96)
    logits = network.logits(windows)
    torch.testing.assert_close(logits, network.output(network.embedding(windows)))
    if name == "musicnn":
        torch.testing.assert_close(network(windows), torch.sigmoid(logits))


@pytest.mark.parametrize("name", SPECTROGRAM)
def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(3)
    network: Any = make_network(name, 3, {**SMALL, "dropout": 0.0}, (128, 128)).train()
    network.logits(torch.randn(4, 20, 20)).square().sum().backward()
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, label


@pytest.mark.parametrize("name", SPECTROGRAM)
def test_dropout_is_random_in_training_only(name: str) -> None:
    network: Any = make_network(name, 3, SMALL, (128, 128))
    windows = torch.randn(4, 20, 20)
    assert not torch.equal(network.train().logits(windows), network.logits(windows))
    assert torch.equal(network.eval().logits(windows), network.logits(windows))
    without: Any = make_network(name, 3, {**SMALL, "dropout": 0.0}, (128, 128)).train()
    assert torch.equal(without.logits(windows), without.logits(windows))


def test_a_stride_quarters_the_pictures_and_adds_no_parameter() -> None:
    strided = SpectrogramCnn(7, (128, 128), first_stride=2).eval()
    assert n_parameters(strided) == 322_215
    sizes = []
    strided.blocks[0].register_forward_hook(lambda _block, _given, found: sizes.append(tuple(found.shape)))
    strided.logits(torch.zeros(1, 128, 128))
    assert sizes == [(1, 32, 64, 64)]


@pytest.mark.parametrize("name", SPECTROGRAM)
@pytest.mark.parametrize(
    "options",
    [
        {"widths": ""},
        {"widths": "4,0"},
        {"widths": "4;6"},
        {"widths": "-1"},
        {"pool": 0},
        {"pool": 2.5},
        {"first_stride": 1.5},
        {"dropout": 1.0},
    ],
)
def test_values_no_network_can_have_are_refused(name: str, options: dict[str, int | float | str | bool]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(options))} must be"):
        make_network(name, 3, options, (128, 128))


def test_an_option_it_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="layers"):
        make_network("spectrogram-cnn", 3, {"layers": 3}, (128, 128))


def test_widths_are_read_as_they_are_written() -> None:
    assert parsed_counts("widths", "32, 64,128") == (32, 64, 128)
    assert parsed_counts("widths", 32) == (32,)  # as --set reads it


def published_cbam(cbam: Cbam, features: Tensor) -> Tensor:
    """The paper's equations (1) to (3), letter by letter."""

    def mlp(pooled: Tensor) -> Tensor:
        hidden = functional.relu(functional.conv2d(pooled, cbam.squeeze.weight[:, :, None, None]))
        return functional.conv2d(hidden, cbam.excite.weight[:, :, None, None])

    channel = torch.sigmoid(
        mlp(functional.adaptive_avg_pool2d(features, 1)) + mlp(functional.adaptive_max_pool2d(features, 1))
    )
    refined = channel * features
    pooled = torch.stack([refined.mean(1), refined.max(1).values], dim=1)
    return torch.sigmoid(functional.conv2d(pooled, cbam.spatial.weight, padding=3)) * refined


def test_attention_is_the_papers() -> None:
    cbam, features = Cbam(64), torch.randn(2, 64, 9, 11)
    found, attention = cbam(features)
    torch.testing.assert_close(found, published_cbam(cbam, features))
    assert attention.channels.shape == (2, 64) and attention.places.shape == (2, 9, 11)
    assert [Cbam(n).squeeze.out_features for n in (32, 64, 128, 256)] == [4, 4, 8, 16]


def test_what_each_block_attends_to_can_be_asked_for() -> None:
    network = SpectrogramAttentionCnn(3, (20, 30), widths="4,6", pool=2).eval()
    first, second = network.attention(torch.randn(2, 20, 30))
    assert first.channels.shape == (2, 4) and first.places.shape == (2, 20, 30)
    assert second.channels.shape == (2, 6) and second.places.shape == (2, 10, 15)
    for weights in (first.channels, first.places, second.channels, second.places):
        assert bool(((weights >= 0) & (weights <= 1)).all())

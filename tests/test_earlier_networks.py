"""The networks of the earlier projects: counted, trainable, random in training only.

That they are the same as ONNX graphs is shown in test_every_network.py.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn

from export.data.recipe import Recipe
from models.front_ends.named import HEARINGS
from models.networks.input_scale import InputScale
from models.networks.registry import NETWORKS, make_network

torch.set_num_threads(1)

SHAPES: Final = {"frame33": (126, 33), "mfcc": (252, 13), "track174": (174,), "mel-image": (3, 224, 224)}
# Of the earlier projects' counts where they are known, at their number of labels.
COUNTS: Final = {
    "lstm": (8, 216_584),
    "vector-rnn": (10, 971_786),
    "convnet": (8, 1_659_528),
    "music-genre-cnn": (8, 51_478_088),
    "improved-music-genre-cnn": (8, 26_084_104),
    # theirs are not known: what the docstrings say
    "mfcc-cnn": (8, 77_960),
    "vector-dense": (10, 79_754),
    "vector-cnn": (10, 209_930),
    "convnet-improv": (8, 103_028_744),
    "improved-music-genre-cnn-v2": (8, 27_975_496),
    "resnet50": (8, 23_524_424),
}
NAMES: Final = sorted(COUNTS)
# Small in every way, also in what they take.
SMALL: Final[dict[str, tuple[tuple[int, ...], dict[str, int | float | str | bool]]]] = {
    "lstm": ((12, 6), {"hidden": 8, "dropout": 0.3}),
    "mfcc-cnn": ((20, 13), {"channels": 4, "hidden": 8}),
    "vector-rnn": ((20,), {"hidden": 8}),
    "vector-dense": ((20,), {"hidden": 16}),
    "vector-cnn": ((20,), {"hidden": 8}),
    "convnet": ((3, 16, 24), {"widths": "4,6"}),
    "music-genre-cnn": ((3, 16, 24), {"widths": "4,6", "hidden": 16}),
    "improved-music-genre-cnn": ((3, 16, 24), {"widths": "4,6", "hidden": 16}),
    "convnet-improv": ((3, 16, 24), {"widths": "4,6", "hidden": 16}),
    "improved-music-genre-cnn-v2": ((3, 16, 24), {"widths": "4,6", "hidden": 32}),
    "resnet50": ((3, 32, 32), {"blocks": "1,1,1,1"}),
}
N_LABELS: Final = 3


def small(name: str, **changes: int | float | str | bool) -> Any:
    """A small network with the same weights every time."""
    torch.manual_seed(3)
    shape, options = SMALL[name]
    return make_network(name, N_LABELS, {**options, **changes}, shape)


def some(name: str, batch: int) -> Tensor:
    """Inputs of a small network: features of quite unlike sizes, or pictures in 0..1."""
    shape = SMALL[name][0]
    random = torch.Generator().manual_seed(5)
    if len(shape) == 3:
        return torch.rand(batch, *shape, generator=random)
    sizes = torch.logspace(-1, 3, shape[-1])
    return sizes * (2 + torch.randn(batch, *shape, generator=random))


def without_dropout(network: Any) -> Any:
    """In training, but for what is random."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.LSTM):
            module.dropout = 0.0
    return network


def test_all_networks_of_these_front_ends_are_tested() -> None:
    assert set(NAMES) == {name for name, kind in NETWORKS.items() if kind.hearing in SHAPES} == set(SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_the_parameters_are_those_of_the_reference(name: str) -> None:
    n_labels, count = COUNTS[name]
    hearing = NETWORKS[name].hearing
    recipe = Recipe(HEARINGS[hearing].front_end, HEARINGS[hearing].window_s, HEARINGS[hearing].hop_s)
    assert recipe.input_shape == SHAPES[hearing]
    with torch.device("meta"):  # sizes alone, no memory
        network: Any = make_network(name, n_labels, {}, recipe.input_shape).eval()
        logits = network.logits(torch.zeros(2, *recipe.input_shape))
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert logits.shape == (2, n_labels)


def test_the_lighter_lstm_and_an_lstm_on_mels() -> None:
    light: Any = make_network("lstm", 8, {"hidden": 64, "dropout": 0.3}, (126, 33))
    assert (light.lstm.hidden_size, light.lstm.num_layers, light.lstm.dropout, light.dropout.p) == (64, 2, 0.3, 0.3)
    mels: Any = make_network("lstm", 8, {}, (128, 128)).eval()
    assert mels.logits(torch.randn(2, 128, 128)).shape == (2, 8)


@pytest.mark.parametrize("name", ["vector-rnn", "vector-dense", "vector-cnn"])
@pytest.mark.parametrize("hidden", [64, 128, 256])
@pytest.mark.parametrize("layers", [1, 2, 3, 4, 5])
def test_every_size_of_the_grid_can_be_made(name: str, hidden: int, layers: int) -> None:
    with torch.device("meta"):
        options = {"hidden": hidden, "layers": layers, "dropout": 0.05}
        network: Any = make_network(name, 10, options, (174,)).eval()
        assert network.logits(torch.zeros(2, 174)).shape == (2, 10)
    layered = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv1d | nn.LSTM)]
    assert sum(module.num_layers if isinstance(module, nn.LSTM) else 1 for module in layered) == layers + 1


@pytest.mark.parametrize(("hidden", "layers", "widths"), [(256, 2, [256, 128]), (64, 4, [64, 32, 32, 32])])
def test_dense_layers_narrow(hidden: int, layers: int, widths: list[int]) -> None:
    network: Any = make_network("vector-dense", 10, {"hidden": hidden, "layers": layers}, (174,))
    assert [dense.out_features for dense in network.dense] == widths


@pytest.mark.parametrize("name", NAMES)
def test_the_logits_are_the_output_of_the_embedding(name: str) -> None:
    network, inputs = small(name).eval(), some(name, 4)
    logits = network.logits(inputs)
    torch.testing.assert_close(logits, network.output(network.embedding(inputs)))
    assert logits.shape == (4, N_LABELS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_every_parameter_learns(name: str, precision: torch.dtype) -> None:
    network, inputs = without_dropout(small(name)), some(name, 6)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        logits = network.logits(inputs).float()
    torch.autograd.backward(torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0, 1, 2])))
    for label, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), label
        looks_back = name == "vector-rnn" and "weight_hh" in label  # of a single step: there is nothing before it
        assert (parameter.grad.abs().sum() > 0) != looks_back, label


@pytest.mark.parametrize("name", NAMES)
def test_bf16_says_what_float32_says(name: str) -> None:
    network, inputs = small(name), some(name, 8)
    without_dropout(network).logits(inputs)  # figures of the normalisations
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = network.logits(inputs).float()
    with torch.inference_mode():
        torch.testing.assert_close(found, network.logits(inputs), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "resnet50"])  # which has none
def test_dropout_is_random_in_training_only(name: str) -> None:
    network, inputs = small(name), some(name, 8)
    assert not torch.equal(network.train().logits(inputs), network.logits(inputs))
    assert torch.equal(network.eval().logits(inputs), network.logits(inputs))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("lstm", {"hidden": 0}, "hidden must be a whole number"),
        ("lstm", {"layers": "two"}, "layers must be a whole number"),
        ("vector-rnn", {"dropout": 1.0}, "dropout must be from 0"),
        ("vector-cnn", {"layers": 6}, "layers = 6 are too many"),
        ("vector-dense", {"hidden": 1.5}, "hidden must be a whole number"),
        ("convnet", {"widths": "4,,6"}, "widths must be"),
        ("music-genre-cnn", {"widths": "4,4,4,4,4"}, "halve a picture of 16 x 24 to nothing"),
        ("improved-music-genre-cnn-v2", {"hidden": 1}, "half of hidden"),
        ("improved-music-genre-cnn-v2", {"hidden": "many"}, "hidden must be a whole number"),
        ("resnet50", {"first_conv": "old"}, "first_conv must be"),
        ("resnet50", {"blocks": "3,4,6"}, "blocks must be four"),
        ("resnet50", {"blocks": "3,4,6,x"}, "blocks must be counts"),
        ("convnet", {"widths": 4.5}, "widths must be counts"),
    ],
)
def test_values_no_network_can_have_are_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        small(name, **options)


@given(st.integers(1, 700), st.integers(1, 160))
@example(8, 8)
@example(42, 13)  # a second
@example(252, 17)
@example(128, 128)  # of the spectrogram
def test_an_mfcc_cnn_of_any_window_runs_or_is_refused(n_frames: int, n_mfcc: int) -> None:
    with torch.device("meta"):
        if min(n_frames, n_mfcc) < 8:
            with pytest.raises(ValueError, match="too small: it takes 8 x 8"):
                make_network("mfcc-cnn", N_LABELS, {}, (n_frames, n_mfcc))
            return
        network: Any = make_network("mfcc-cnn", N_LABELS, {}, (n_frames, n_mfcc)).eval()
        assert network.logits(torch.zeros(2, n_frames, n_mfcc)).shape == (2, N_LABELS)


@pytest.mark.parametrize("name", ["convnet", "music-genre-cnn", "improved-music-genre-cnn-v2", "resnet50"])
def test_a_spectrogram_is_a_picture_of_one_channel(name: str) -> None:
    network: Any = make_network(name, N_LABELS, SMALL[name][1], (32, 40)).eval()
    assert network.logits(torch.randn(2, 32, 40)).shape == (2, N_LABELS)


@pytest.mark.parametrize("shape", [(500, 4), (500, 7, 4)])
def test_input_scale_remembers_the_training_set(shape: tuple[int, ...]) -> None:
    scale, random = InputScale(4), torch.Generator().manual_seed(1)
    centres, sizes = torch.tensor([0.0, 120.0, 3000.0, -40.0]), torch.tensor([1.0, 30.0, 900.0, 0.1])
    features = centres + sizes * torch.randn(shape, generator=random)
    for batch in torch.split(features, 50):
        scale.train()(batch)
    scaled = scale.eval()(features).flatten(0, -2)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(4), rtol=0, atol=1e-3)
    torch.testing.assert_close(scaled.std(0), torch.ones(4), rtol=0, atol=0.02)
    assert not list(scale.parameters())
    before = {name: tensor.clone() for name, tensor in scale.state_dict().items()}
    scale(1000 * features)
    assert all(torch.equal(tensor, before[name]) for name, tensor in scale.state_dict().items())

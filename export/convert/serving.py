"""A trained network as it is served: scores = activation(logits / temperature), in the quickest graph there is."""

import copy
from typing import Final, cast

import onnx
import torch
from torch import Tensor, nn

from export.convert.onnx_carry import optional_carry
from export.convert.onnx_graph import to_onnx
from export.convert.plain_weights import with_plain_weights
from export.data.recipe import Recipe
from models.card import Activation, Carry
from models.musicnn.hops import FRAMES_PER_BLOCK, FirstCarry, HopMusicnn
from models.musicnn.living_filters import living
from models.musicnn.network import Musicnn
from models.musicnn.slim import SlimMusicnn
from models.musicnn.slim_hops import HopSlimMusicnn
from models.networks.embedding_mlp import EmbeddingMlp, MusicnnEmbedding
from models.networks.living_mlp import LivingMlp
from models.networks.registry import Network

INPUT: Final = "log_mel"
OUTPUT: Final = "scores"
CARRY: Final = Carry(input_name="carried", output_name="carry")


class Served(nn.Module):
    """`network` with the temperature and the activation behind it."""

    def __init__(self, network: nn.Module, activation: Activation, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.activation, self.temperature = activation, temperature

    def forward(self, windows: Tensor) -> Tensor:
        """float32 (batch, *input_shape), normalised as the front end says -> scores in 0..1, (batch, n_labels)."""
        logits = cast(Network, self.network).logits(windows)
        if self.temperature != 1.0:
            logits = logits * (1 / self.temperature)
        return torch.softmax(logits, dim=1) if self.activation == "softmax" else torch.sigmoid(logits)


def plain_graph(served: Served, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    """The network as it is: a window in, scores out."""
    return to_onnx(with_plain_weights(served), {INPUT: input_shape}, [OUTPUT])


def lean(served: Served) -> Served:
    """The same function with less to compute: musicnns without their dead filters, any other network as it is."""
    network = served.network
    if isinstance(network, Musicnn):
        quick: nn.Module = living(network)
    elif isinstance(network, EmbeddingMlp) and isinstance(network.body, MusicnnEmbedding):
        quick = LivingMlp(network)
    else:
        return served
    return Served(quick, served.activation, served.temperature).eval()


def can_carry(served: Served, recipe: Recipe) -> bool:
    """Whether the network has an arrangement in which neighbouring windows share work."""
    of_two_blocks = (recipe.frames_per_hop, recipe.blocks_per_window) == (FRAMES_PER_BLOCK, 2)
    has_one = isinstance(served.network, Musicnn | SlimMusicnn)
    return has_one and served.activation == "sigmoid" and of_two_blocks


def carrying_graph(served: Served, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    """The shared-overlap arrangement, its carry optional; only where `can_carry`."""
    hops = hop_network(served)
    window = {INPUT: input_shape}
    whole = to_onnx(hops, {**window, CARRY.input_name: (hops.carry_size,)}, [OUTPUT, CARRY.output_name])
    first = to_onnx(FirstCarry(hops), window, ["first_carry"])
    return optional_carry(whole, first, CARRY.input_name)


def hop_network(served: Served) -> HopMusicnn | HopSlimMusicnn:
    """The network hop by hop, without its dead filters; only where `can_carry`.

    Its last layer divides by the temperature.
    """
    whole = served.network
    network = copy.deepcopy(whole) if isinstance(whole, SlimMusicnn) else living(cast(Musicnn, whole))
    with torch.no_grad():
        network.output.weight.div_(served.temperature)
        network.output.bias.div_(served.temperature)
    return (HopSlimMusicnn(network) if isinstance(network, SlimMusicnn) else HopMusicnn(network)).eval()

"""A trained network as it is served: scores = activation(logits / temperature), in the quickest graph there is."""

from typing import Final, cast

import onnx
import torch
from torch import Tensor, nn

from export.convert.onnx_graph import to_onnx
from export.convert.plain_weights import with_plain_weights
from models.card import Activation
from models.musicnn.living_filters import living
from models.musicnn.network import Musicnn
from models.networks.embedding_mlp import EmbeddingMlp, MusicnnEmbedding
from models.networks.living_mlp import LivingMlp
from models.networks.registry import Network

INPUT: Final = "log_mel"
OUTPUT: Final = "scores"


class Served(nn.Module):
    """`network` with the temperature and the activation behind it."""

    def __init__(self, network: nn.Module, activation: Activation, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.activation, self.temperature = activation, temperature

    def forward(self, windows: Tensor) -> Tensor:
        """float32 (batch, *input_shape), normalised as the front end says -> scores in 0..1, (batch, n_labels)."""
        return self.scores_of(cast(Network, self.network).logits(windows))

    def scores_of(self, logits: Tensor) -> Tensor:
        """(batch, n_labels) -> scores in 0..1."""
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
    elif (mlp := on_musicnn(network)) is not None:
        quick = LivingMlp(mlp)
    else:
        return served
    return Served(quick, served.activation, served.temperature).eval()


def on_musicnn(network: nn.Module) -> EmbeddingMlp | None:
    """The network, where it is an MLP on a musicnn."""
    return network if isinstance(network, EmbeddingMlp) and isinstance(network.body, MusicnnEmbedding) else None

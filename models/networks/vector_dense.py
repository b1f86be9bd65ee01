"""VectorDense: a vector of features through layers, each half as wide as the one before.

79,754 parameters at 10 labels on 174 features.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.networks.input_scale import InputScale
from models.networks.option_checks import check_counts, check_dropouts, vector_length

_NARROWEST: Final = 32


class VectorDense(nn.Module):
    """A vector of features -> logits of `n_labels` labels.

    Features standardised -> `layers` times [FC, batch normalisation, ReLU, Dropout] -> linear. The first FC is `hidden`
    wide, each further one half of that, but not under 32 (nor wider than the first). ValueError for values no network
    can have.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], hidden: int = 256, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden, "layers": layers})
        check_dropouts({"dropout": dropout})
        n_features = vector_length(input_shape)
        self.scale = InputScale(n_features)
        widths = [max(hidden >> layer, min(hidden, _NARROWEST)) for layer in range(layers)]
        before = (n_features, *widths[:-1])
        self.dense = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in zip(before, widths, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(widths[-1], n_labels)

    def logits(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(vector)))
        return scores

    def embedding(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> the penultimate layer, before its dropout."""
        features: Tensor = self.scale(vector)
        for number, (dense, norm) in enumerate(zip(self.dense, self.norms, strict=True)):
            features = functional.relu(norm(dense(self.dropout(features) if number else features)))
        return features

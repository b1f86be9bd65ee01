"""VectorCNN: a vector of features as a line that convolutions go along.

209,930 parameters at 10 labels on 174 features.
"""

from torch import Tensor, nn
from torch.nn import functional

from models.networks.input_scale import InputScale
from models.networks.option_checks import check_counts, check_dropouts, vector_length


class VectorCnn(nn.Module):
    """A vector of features -> logits of `n_labels` labels.

    Features standardised -> `layers` times [convolution of 3, batch normalisation, ReLU, maximum of 2] -> Dropout ->
    linear over all that is left, for what a feature is lies in its place. The first convolution has half of `hidden`
    channels where others follow it, all others `hidden`. ValueError for values no network can have.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], hidden: int = 256, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden, "layers": layers})
        check_dropouts({"dropout": dropout})
        n_features = vector_length(input_shape)
        left = n_features >> layers
        if not left:
            raise ValueError(f"layers = {layers} are too many for {n_features} features: each halves them")
        self.scale = InputScale(n_features)
        channels = [hidden] * layers if layers == 1 else [max(1, hidden // 2), *[hidden] * (layers - 1)]
        before = (1, *channels[:-1])
        self.convs = nn.ModuleList(
            nn.Conv1d(n_in, n_out, 3, padding=1) for n_in, n_out in zip(before, channels, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(n) for n in channels)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden * left, n_labels)

    def logits(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(vector)))
        return scores

    def embedding(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> the penultimate layer, (batch, hidden * n_features / 2^layers)."""
        line: Tensor = self.scale(vector).unsqueeze(1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            line = functional.max_pool1d(functional.relu(norm(conv(line))), 2)
        return line.flatten(1)

"""VectorRNN: one vector a window, as the only step of a recurrent network.

971,786 parameters at 10 labels on 174 features. 524,288 of them look back at the step before, and there is none: they
stay as they were drawn.
"""

from torch import Tensor, nn

from models.networks.input_scale import InputScale
from models.networks.option_checks import check_counts, check_dropouts, vector_length


class VectorRnn(nn.Module):
    """A vector of features -> logits of `n_labels` labels.

    Features standardised -> `layers` LSTMs of `hidden` cells -> Dropout -> batch normalisation -> linear. dropout: also
    between the LSTMs. ValueError for values no network can have.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], hidden: int = 256, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden, "layers": layers})
        check_dropouts({"dropout": dropout})
        n_features = vector_length(input_shape)
        self.scale = InputScale(n_features)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(n_features, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.BatchNorm1d(hidden)
        self.output = nn.Linear(hidden, n_labels)

    def logits(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.embedding(vector))
        return scores

    def embedding(self, vector: Tensor) -> Tensor:
        """float32 (batch, n_features) -> the penultimate layer, (batch, hidden); dropout is before it."""
        steps: Tensor = self.lstm(self.scale(vector).unsqueeze(1))[0]
        normed: Tensor = self.norm(self.dropout(steps[:, -1]))
        return normed

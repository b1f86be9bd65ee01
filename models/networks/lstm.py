"""LSTM: the frames of a window one after the other, and a label of what is remembered after the last.

216,584 parameters at 8 labels on 33 features. The lighter variant of the same system is hidden=64, dropout=0.3.
"""

from torch import Tensor, nn

from models.networks.input_scale import InputScale
from models.networks.option_checks import check_counts, check_dropouts, frames_and_features


class Lstm(nn.Module):
    """Frames of features (frame33, or any spectrogram) -> logits of `n_labels` labels.

    Features standardised -> `layers` LSTMs of `hidden` cells -> their last step -> linear. dropout: between the LSTMs
    and before the output. ValueError for values no network can have.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], hidden: int = 128, layers: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden, "layers": layers})
        check_dropouts({"dropout": dropout})
        _, n_features = frames_and_features(input_shape)
        self.scale = InputScale(n_features)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(n_features, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_labels)

    def logits(self, frames: Tensor) -> Tensor:
        """float32 (batch, n_frames, n_features) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(frames)))
        return scores

    def embedding(self, frames: Tensor) -> Tensor:
        """float32 (batch, n_frames, n_features) -> what is remembered after the last frame, (batch, hidden)."""
        steps: Tensor = self.lstm(self.scale(frames))[0]
        return steps[:, -1]

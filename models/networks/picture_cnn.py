"""Blocks that halve a picture, and one hidden layer on all that is left: three of the earlier networks, by size."""

from torch import Tensor, nn
from torch.nn import functional

from models.networks.option_checks import check_counts, check_dropouts, parsed_counts
from models.networks.picture_blocks import as_picture, halved_places, pooled_blocks


class PictureCnn(nn.Module):
    """Pictures (mel-image, or a spectrogram as one channel) -> logits of `n_labels` labels.

    For each of `widths`: [kernel x kernel convolution, batch normalisation if `normed`, ReLU, maximum of 2 x 2,
    Dropout of block_dropout]; then FC `hidden`, ReLU, Dropout, linear. ValueError for values no network can have.
    """

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        *,
        widths: str,
        kernel: int,
        normed: bool,
        hidden: int,
        dropout: float,
        block_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden})
        check_dropouts({"dropout": dropout, "block_dropout": block_dropout})
        channels = parsed_counts("widths", widths)
        places = halved_places(input_shape, len(channels))
        self.blocks = pooled_blocks(input_shape, channels, kernel, normed=normed, dropout=block_dropout)
        self.dense = nn.Linear(channels[-1] * places, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_labels)

    def logits(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(pictures)))
        return scores

    def embedding(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> the penultimate layer, (batch, hidden)."""
        found: Tensor = self.blocks(as_picture(pictures))
        return functional.relu(self.dense(found.flatten(1)))

"""ConvNet: two convolutions of 5 x 5, each halving the picture, and one linear layer on all that is left.

1,659,528 parameters at 8 labels on 3 x 224 x 224: convolutions with bias, padded by 2, and 64 x 56 x 56 = 200,704
inputs of the output.
"""

from typing import Final

from torch import Tensor, nn

from models.networks.option_checks import check_dropouts, parsed_counts
from models.networks.picture_blocks import as_picture, halved_places, pooled_blocks

_KERNEL: Final = 5


class ConvNet(nn.Module):
    """Pictures (mel-image, or a spectrogram as one channel) -> logits of `n_labels` labels.

    For each of `widths`: [5x5 convolution, batch normalisation, ReLU, maximum of 2 x 2, Dropout]; then linear.
    ValueError for values no network can have.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], widths: str = "32,64", dropout: float = 0.25
    ) -> None:
        super().__init__()
        check_dropouts({"dropout": dropout})
        channels = parsed_counts("widths", widths)
        places = halved_places(input_shape, len(channels))
        self.blocks = pooled_blocks(input_shape, channels, _KERNEL, normed=True, dropout=dropout)
        self.output = nn.Linear(channels[-1] * places, n_labels)

    def logits(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.embedding(pictures))
        return scores

    def embedding(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> all places of the last block, (batch, 200,704 of the usual picture)."""
        found: Tensor = self.blocks(as_picture(pictures))
        return found.flatten(1)

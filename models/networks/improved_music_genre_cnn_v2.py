"""ImprovedMusicGenreCNNv2: six convolutions with shortcuts around them, and two hidden layers.

27,975,496 parameters at 8 labels on 3 x 224 x 224: all convolutions with bias, 1024 x 3 x 3 = 9,216 inputs of the first
hidden layer. (No count of the earlier project's is known.)
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.networks.option_checks import check_counts, check_dropouts, parsed_counts, picture_shape
from models.networks.picture_blocks import as_picture, halved_places

_WIDTHS: Final = "32,64,128,256,512,1024"


class ShortcutBlock(nn.Module):
    """LeakyReLU of [3x3 convolution, batch normalisation] plus a 1x1 convolution of the same; maximum of 2 x 2."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Conv2d(n_in, n_out, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """(batch, n_in, height, width) -> (batch, n_out, height/2, width/2)."""
        found = functional.leaky_relu(self.norm(self.conv(picture)) + self.shortcut(picture))
        return functional.max_pool2d(found, 2)


class ImprovedMusicGenreCnnV2(nn.Module):
    """Pictures (mel-image, or a spectrogram as one channel) -> logits of `n_labels` labels.

    A `ShortcutBlock` for each of `widths`; FC `hidden`, LeakyReLU, Dropout; FC of half as many, LeakyReLU, Dropout of
    last_dropout; linear. ValueError for values no network can have.
    """

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        widths: str = _WIDTHS,
        hidden: int = 2048,
        dropout: float = 0.8,
        last_dropout: float = 0.7,
    ) -> None:
        super().__init__()
        check_counts({"hidden": hidden})
        check_counts({"half of hidden": hidden // 2})
        check_dropouts({"dropout": dropout, "last_dropout": last_dropout})
        channels = parsed_counts("widths", widths)
        places = halved_places(input_shape, len(channels))
        before = (picture_shape(input_shape)[0], *channels[:-1])
        self.blocks = nn.Sequential(*(ShortcutBlock(*sizes) for sizes in zip(before, channels, strict=True)))
        self.dense1 = nn.Linear(channels[-1] * places, hidden)
        self.dense2 = nn.Linear(hidden, hidden // 2)
        self.dropout1, self.dropout2 = nn.Dropout(dropout), nn.Dropout(last_dropout)
        self.output = nn.Linear(hidden // 2, n_labels)

    def logits(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout2(self.embedding(pictures)))
        return scores

    def embedding(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> the penultimate layer, (batch, hidden/2)."""
        found: Tensor = self.blocks(as_picture(pictures))
        first = functional.leaky_relu(self.dense1(found.flatten(1)))
        return functional.leaky_relu(self.dense2(self.dropout1(first)))

"""SpectrogramCNN: three blocks of two 3x3 convolutions over a spectrogram taken as a picture.

322,215 parameters for 7 labels, 1.2 MB. Any size of window works: all that is left of it is averaged at the end.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.networks.option_checks import check_counts, check_dropouts, frames_and_features, parsed_counts

WIDTHS: Final = "32,64,128"


class ConvBlock(nn.Module):
    """[3x3 convolution without bias, batch normalisation, ReLU] twice."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)

    def forward(self, picture: Tensor) -> Tensor:
        """(batch, n_in, frames, mels) -> (batch, n_out, frames/stride, mels/stride)."""
        first = functional.relu(self.norm1(self.conv1(picture)))
        return functional.relu(self.norm2(self.conv2(first)))


class Head(nn.Module):
    """Channels averaged over the picture -> FC, batch normalisation, ReLU: the embedding."""

    def __init__(self, n_channels: int, n_hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(n_channels, n_hidden)
        self.norm = nn.BatchNorm1d(n_hidden)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, n_channels, frames, mels) -> (batch, n_hidden)."""
        return functional.relu(self.norm(self.dense(features.mean(dim=(2, 3)))))


class SpectrogramCnn(nn.Module):
    """Log-mel windows (or any frames of features) -> logits of `n_labels` labels.

    widths: channels of the blocks, "32,64,128" (any number of blocks). pool: the maximum over pool x pool after each
    block. first_stride: of the first convolution; 2 costs a quarter of the work of 1. dropout: after each block and
    before the output. hidden: the embedding's length. ValueError for values no network can have and
    for inputs that are no frames.
    """

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        widths: str = WIDTHS,
        pool: int = 3,
        first_stride: int = 1,
        dropout: float = 0.5,
        hidden: int = 256,
    ) -> None:
        super().__init__()
        frames_and_features(input_shape)
        channels = parsed_counts("widths", widths)
        check_counts({"pool": pool, "first_stride": first_stride, "hidden": hidden})
        check_dropouts({"dropout": dropout})
        self.pool = pool
        self.blocks = nn.ModuleList(conv_blocks(channels, first_stride))
        self.block_dropout = nn.Dropout(dropout)
        self.head = Head(channels[-1], hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_labels)

    def logits(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, mels) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(log_mel)))
        return scores

    def embedding(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, mels) -> the penultimate layer, (batch, hidden)."""
        features = log_mel.unsqueeze(1)
        for block in self.blocks:
            features = self.block_dropout(max_pooled(block(features), self.pool))
        vector: Tensor = self.head(features)
        return vector


def conv_blocks(channels: tuple[int, ...], first_stride: int) -> list[ConvBlock]:
    """The blocks of a network, each on the one before it; the first one hears the spectrogram."""
    before = (1, *channels[:-1])
    strides = (first_stride, *[1] * (len(channels) - 1))
    return [ConvBlock(n_in, n_out, stride) for n_in, n_out, stride in zip(before, channels, strides, strict=True)]


def max_pooled(features: Tensor, size: int) -> Tensor:
    """The maximum over size x size, over less where a small picture has no more: (batch, channels, frames', mels')."""
    window = (min(size, features.shape[2]), min(size, features.shape[3]))
    return functional.max_pool2d(features, window)

"""MFCC-CNN: three convolutions over the MFCC of a few seconds, taken as a picture one coefficient a column.

Poolings keep the edge, for 13 coefficients are few: without that two blocks leave one of them, and the third
convolution, which wants two, could never run. 77,960 parameters at 8 labels on 252 frames of 13 MFCC.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.networks.input_scale import InputScale
from models.networks.option_checks import check_counts, check_dropouts, frames_and_features

_KERNELS: Final = (3, 3, 2)


class MfccCnn(nn.Module):
    """Frames of MFCC -> logits of `n_labels` labels.

    Twice [3x3 convolution to `channels`, ReLU, maximum over 3x3 every 2, batch normalisation], once the same with 2x2;
    then FC `hidden`, ReLU, Dropout, FC. Convolutions do not pad, so a window has 8 frames of 8 MFCC or more. ValueError
    for values or windows that cannot be.
    """

    def __init__(
        self, n_labels: int, input_shape: tuple[int, ...], channels: int = 32, hidden: int = 64, dropout: float = 0.3
    ) -> None:
        super().__init__()
        check_counts({"channels": channels, "hidden": hidden})
        check_dropouts({"dropout": dropout})
        n_frames, n_features = frames_and_features(input_shape)
        left = _left(n_frames) * _left(n_features)
        if not left:
            raise ValueError(f"a window of {n_frames} frames of {n_features} is too small: it takes 8 x 8 or more")
        self.scale = InputScale(n_features)
        before = (1, channels, channels)
        self.convs = nn.ModuleList(nn.Conv2d(n, channels, size) for n, size in zip(before, _KERNELS, strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in _KERNELS)
        self.dense = nn.Linear(channels * left, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_labels)

    def logits(self, mfcc: Tensor) -> Tensor:
        """float32 (batch, n_frames, n_mfcc) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.dropout(self.embedding(mfcc)))
        return scores

    def embedding(self, mfcc: Tensor) -> Tensor:
        """float32 (batch, n_frames, n_mfcc) -> the penultimate layer, (batch, hidden)."""
        picture = self.scale(mfcc).unsqueeze(1)
        for conv, norm, size in zip(self.convs, self.norms, _KERNELS, strict=True):
            picture = norm(_pooled(functional.relu(conv(picture)), size))
        return functional.relu(self.dense(picture.flatten(1)))


def _pooled(picture: Tensor, size: int) -> Tensor:
    """The maximum over size x size every 2, from one place before the first where size is 3; `_left` counts them."""
    return functional.max_pool2d(picture, size, stride=2, padding=(size - 1) // 2, ceil_mode=True)


def _left(length: int) -> int:
    """Places along a side of `length` after all three convolutions and poolings; 0 where they do not fit."""
    for size in _KERNELS:
        length -= size - 1
        if length < 1:
            return 0
        length = length // 2 + 1 if size == 3 else (length + 1) // 2
    return length

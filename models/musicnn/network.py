"""musicnn in PyTorch, as Pons & Serra published it (ISMIR 2019 late-breaking; the package's models.py, ISC licence).

Order everywhere: convolution, ReLU, batch normalisation. Zeros are padded *after* the input's normalisation, so
they are not silence. Any number of frames works. `models.musicnn.living` has the arrangement that is shipped.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

N_MELS: Final = 96
N_EMBEDDING: Final = 200
_BN_EPSILON: Final = 1e-3  # TensorFlow's default
_BN_MOMENTUM: Final = 0.01  # TensorFlow's 0.99, in torch's sense
_TIMBRAL_FILTERS: Final = 204  # int(1.6 * 128)
_TEMPORAL_FILTERS: Final = 51  # int(1.6 * 32)
_MID_FILTERS: Final = 64
_TIMBRAL_MELS: Final = (38, 67)  # int(0.4 * 96), int(0.7 * 96)
_TEMPORAL_FRAMES: Final = (128, 64, 32)
_WIDTH_FRAMES: Final = 7


class FrontBlock(nn.Module):
    """A two-dimensional convolution, ReLU, BN, and the maximum over frequency.

    "same" in time (of an even width the extra zero comes last, as in TensorFlow), "valid" in frequency.
    """

    def __init__(self, n_filters: int, width_frames: int, height_mels: int) -> None:
        super().__init__()
        self.padding_frames = ((width_frames - 1) // 2, width_frames // 2)
        self.conv = nn.Conv2d(1, n_filters, (width_frames, height_mels))
        self.norm = nn.BatchNorm2d(n_filters, _BN_EPSILON, _BN_MOMENTUM)

    def forward(self, normalised: Tensor) -> Tensor:
        """(batch, 1, frames, mels) -> (batch, n_filters, frames)."""
        padded = functional.pad(normalised, (0, 0, *self.padding_frames))
        activated: Tensor = self.norm(functional.relu(self.conv(padded)))
        return activated.amax(dim=3)


class MidBlock(nn.Module):
    """A convolution over time, ReLU, BN; 'same' in time."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_channels, _MID_FILTERS, _WIDTH_FRAMES, padding=_WIDTH_FRAMES // 2)
        self.norm = nn.BatchNorm1d(_MID_FILTERS, _BN_EPSILON, _BN_MOMENTUM)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, n_channels, frames) -> (batch, 64, frames)."""
        normalised: Tensor = self.norm(functional.relu(self.conv(features)))
        return normalised


class Musicnn(nn.Module):
    """Log-mel windows -> scores of `n_labels` tags."""

    def __init__(self, n_labels: int = 50) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(1, _BN_EPSILON, _BN_MOMENTUM)
        timbral = [FrontBlock(_TIMBRAL_FILTERS, _WIDTH_FRAMES, mels) for mels in _TIMBRAL_MELS]
        temporal = [FrontBlock(_TEMPORAL_FILTERS, frames, 1) for frames in _TEMPORAL_FRAMES]
        self.front = nn.ModuleList(timbral + temporal)
        n_front = len(timbral) * _TIMBRAL_FILTERS + len(temporal) * _TEMPORAL_FILTERS
        self.mid = nn.ModuleList([MidBlock(n_front), MidBlock(_MID_FILTERS), MidBlock(_MID_FILTERS)])
        n_pooled = 2 * (n_front + len(self.mid) * _MID_FILTERS)
        self.pooled_norm = nn.BatchNorm1d(n_pooled, _BN_EPSILON, _BN_MOMENTUM)
        self.dense = nn.Linear(n_pooled, N_EMBEDDING)
        self.dense_norm = nn.BatchNorm1d(N_EMBEDDING, _BN_EPSILON, _BN_MOMENTUM)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(N_EMBEDDING, n_labels)

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> scores in 0..1, (batch, n_labels)."""
        return torch.sigmoid(self.logits(log_mel))

    def logits(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> (batch, n_labels) before the sigmoid, what a loss wants."""
        scores: Tensor = self.output(self.dropout(self.embedding(log_mel)))
        return scores

    def embedding(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> the penultimate layer, (batch, 200)."""
        pooled = self.dropout(self.pooled_norm(self.pooled(log_mel)))
        normalised: Tensor = self.dense_norm(functional.relu(self.dense(pooled)))
        return normalised

    def pooled(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> (batch, 1506): maximum and mean over time of each channel, interleaved."""
        normalised = self.input_norm(log_mel.unsqueeze(1))
        front = torch.cat([block(normalised) for block in self.front], dim=1)
        first = self.mid[0](front)
        second = first + self.mid[1](first)
        third = second + self.mid[2](second)
        features = torch.cat([front, first, second, third], dim=1)
        return torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2).flatten(1)

"""SpectrogramAttentionCNN: SpectrogramCNN with CBAM before each pooling (Woo et al., ECCV 2018).

325,325 parameters for 7 labels. What each block attends to can be asked for and drawn.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.option_checks import parsed_counts
from models.networks.spectrogram_cnn import WIDTHS, SpectrogramCnn, max_pooled

_REDUCTION: Final = 16
_FEWEST_HIDDEN: Final = 4
_SPATIAL_KERNEL: Final = 7


@dataclass(frozen=True, slots=True)
class Attention:
    """What one block attends to, all in 0..1: channels (batch, channels), places (batch, frames', mels')."""

    channels: Tensor
    places: Tensor


class Cbam(nn.Module):
    """Weights for the channels, then weights for the places, each from means and maxima."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        n_hidden = max(n_channels // _REDUCTION, _FEWEST_HIDDEN)
        self.squeeze = nn.Linear(n_channels, n_hidden, bias=False)
        self.excite = nn.Linear(n_hidden, n_channels, bias=False)
        self.spatial = nn.Conv2d(2, 1, _SPATIAL_KERNEL, padding=_SPATIAL_KERNEL // 2, bias=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Attention]:
        """(batch, channels, frames, mels) -> the same, weighted, and the weights."""
        weighted_by = self._of_channels(features)
        weighted = features * weighted_by[:, :, None, None]
        places = self._of_places(weighted)
        return weighted * places, Attention(weighted_by, places.squeeze(1))

    def _of_channels(self, features: Tensor) -> Tensor:
        mean, maximum = features.mean(dim=(2, 3)), features.amax(dim=(2, 3))
        both: Tensor = self._mlp(mean) + self._mlp(maximum)
        return torch.sigmoid(both)

    def _mlp(self, channels: Tensor) -> Tensor:
        scores: Tensor = self.excite(functional.relu(self.squeeze(channels)))
        return scores

    def _of_places(self, features: Tensor) -> Tensor:
        seen = torch.cat([features.mean(dim=1, keepdim=True), features.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.spatial(seen))


class SpectrogramAttentionCnn(SpectrogramCnn):
    """SpectrogramCnn with attention before each pool, which is 2."""

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        widths: str = WIDTHS,
        pool: int = 2,
        first_stride: int = 1,
        dropout: float = 0.5,
        hidden: int = 256,
    ) -> None:
        super().__init__(n_labels, input_shape, widths, pool, first_stride, dropout, hidden)
        self.attentions = nn.ModuleList(Cbam(n_channels) for n_channels in parsed_counts("widths", widths))

    def embedding(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, mels) -> the penultimate layer, (batch, hidden)."""
        vector, _ = self._heard(log_mel)
        return vector

    def attention(self, log_mel: Tensor) -> tuple[Attention, ...]:
        """float32 (batch, frames, mels) -> what each block attends to, the first block first."""
        _, attended = self._heard(log_mel)
        return tuple(attended)

    def _heard(self, log_mel: Tensor) -> tuple[Tensor, list[Attention]]:
        features, attended = log_mel.unsqueeze(1), []
        for block, cbam in zip(self.blocks, self.attentions, strict=True):
            weighted, attention = cbam(block(features))
            attended.append(attention)
            features = self.block_dropout(max_pooled(weighted, self.pool))
        return self.head(features), attended

"""Several musicnns as one small network: of their filters only those that do something, and these not everywhere.

Most filters of the published networks are dead (`models.musicnn.living_filters`). Those that live listen here at every
second frame and every few mels, the timbral ones as mixtures of `rank` patterns that all of them share, and each hop
block by itself, so that a block's part is computed once for both of its windows (`models.musicnn.slim_hops`). Behind
them every musicnn goes its own way, as published, up to the labels, which read all of them.

Normalisations are part of the weights: what starts from trained networks (`models.musicnn.slim_start`) needs none, and
it trains as it is served.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.network import N_EMBEDDING, N_MELS
from models.networks.option_checks import check_counts, parsed_counts

BLOCK_FRAMES: Final = 125
TIMBRAL_MELS: Final = (38, 67)
TIMBRAL_FRAMES: Final = 7
TEMPORAL_FRAMES: Final = (128, 64, 32)
STEP_FRAMES: Final = 2
N_STEPS: Final = -(-BLOCK_FRAMES // STEP_FRAMES)  # of a block
MID_FILTERS: Final = 64
MID_LAYERS: Final = 3
MID_STEPS: Final = 3  # that a middle layer sees; musicnn's see seven frames
CENTRE: Final = 1.8  # log-mel of music, about: what lies beyond an edge is taken for it, not for silence
FILTERS: Final = "24,16,4,6,18;72,64,12,10,46"  # what lives of musicnn-msd and musicnn-mtt, nearly; in sixteens
_KINDS: Final = len(TIMBRAL_MELS) + len(TEMPORAL_FRAMES)


class Shared(nn.Module):
    """Timbral filters of one height as mixtures of `rank` patterns, and their maxima over frequency."""

    def __init__(self, rank: int, n_filters: int, mels: int, step_mels: int) -> None:
        super().__init__()
        size, step, around = (TIMBRAL_FRAMES, mels), (STEP_FRAMES, step_mels), (TIMBRAL_FRAMES // 2, 0)
        self.patterns = nn.Conv2d(1, rank, size, step, around, bias=False)
        self.mixtures = nn.Conv2d(rank, n_filters, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 1, frames, 96) -> (batch, n_filters, steps)."""
        return _highest(self.mixtures(self.patterns(image)))


class Tower(nn.Module):
    """What is one musicnn's own: all between filters and labels. filters: how many it has of each of the five kinds."""

    def __init__(self, filters: tuple[int, ...]) -> None:
        super().__init__()
        self.filters = filters
        n_front = sum(filters)
        self.mid = nn.ModuleList(
            nn.Conv2d(n, MID_FILTERS, (1, MID_STEPS), padding=(0, MID_STEPS // 2))
            for n in (n_front, *[MID_FILTERS] * (MID_LAYERS - 1))
        )
        self.mid_scale = nn.Parameter(torch.ones(MID_LAYERS, MID_FILTERS, 1, 1))
        self.dense = nn.Linear(2 * (n_front + MID_LAYERS * MID_FILTERS), N_EMBEDDING)

    def forward(self, front: Tensor) -> Tensor:
        """Its filters' answers, (batch, n_front, 1, steps) -> (batch, 200)."""
        last = functional.relu(self.mid[0](front)) * self.mid_scale[0]
        features = [front, last]
        for layer, scale in zip(self.mid[1:], self.mid_scale[1:], strict=True):
            last = last + functional.relu(layer(last)) * scale
            features.append(last)
        heard = torch.cat(features, dim=1)
        return functional.relu(self.dense(torch.cat([heard.amax(dim=(2, 3)), heard.mean(dim=(2, 3))], dim=1)))


class SlimMusicnn(nn.Module):
    """Log-mel windows of two blocks -> scores of `n_labels` labels.

    filters: of each tower, of each kind (7 frames x 38 mels, 7 x 67, 128 x 1, 64 x 1, 32 x 1). ValueError for values no
    network can have.
    """

    def __init__(
        self,
        n_labels: int,
        filters: str = FILTERS,
        rank: int = 32,
        step_mels: int = 4,
        step_temporal_mels: int = 4,
    ) -> None:
        super().__init__()
        check_counts({"rank": rank, "step_mels": step_mels, "step_temporal_mels": step_temporal_mels})
        counts = [parsed_counts("filters", part) for part in filters.split(";")]
        if any(len(count) != _KINDS for count in counts):
            raise ValueError(f"filters: {_KINDS} numbers for each tower, as in {FILTERS}")
        self.by_kind = list(zip(*counts, strict=True))  # of each kind, each tower's filters
        n_of_kind = [sum(own) for own in self.by_kind]
        self.n_of_timbral = n_of_kind[: len(TIMBRAL_MELS)]
        self.timbral = nn.ModuleList(
            Shared(rank, n, mels, step_mels) for n, mels in zip(self.n_of_timbral, TIMBRAL_MELS, strict=True)
        )
        self.temporal = nn.ModuleList(
            nn.Conv2d(1, n, (frames, 1), (STEP_FRAMES, step_temporal_mels), (frames // 2, 0), bias=False)
            for n, frames in zip(n_of_kind[len(TIMBRAL_MELS) :], TEMPORAL_FRAMES, strict=True)
        )
        self.towers = nn.ModuleList(Tower(count) for count in counts)
        self.output = nn.Linear(len(counts) * N_EMBEDDING, n_labels)
        n_front = sum(n_of_kind)
        self.gain = nn.Parameter(torch.ones(n_front, 1))  # -1 where musicnn's normalisation turns a filter over
        self.bias = nn.Parameter(torch.zeros(n_front, 1))
        self.scale = nn.Parameter(torch.ones(n_front, 1))
        starts = [sum(n_of_kind[:kind]) for kind in range(_KINDS)]
        self._own = [  # of each tower, which of the filters, kind by kind, are its own
            [
                start + sum(own[:tower]) + n
                for start, own in zip(starts, self.by_kind, strict=True)
                for n in range(own[tower])
            ]
            for tower in range(len(counts))
        ]

    @property
    def n_timbral(self) -> int:
        """Channels of the timbral filters, of all towers."""
        return sum(self.n_of_timbral)

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> scores in 0..1, (batch, n_labels)."""
        return torch.sigmoid(self.logits(log_mel))

    def logits(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> (batch, n_labels), before the activation."""
        return self.logits_of(self._both_blocks(log_mel), log_mel)

    def embedding(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the towers' penultimate layers side by side, (batch, 200 * n_towers)."""
        return self._embedding(self._both_blocks(log_mel), log_mel)

    def timbral_of(self, block: Tensor) -> Tensor:
        """One block (batch, 125, 96) -> the timbral filters' maxima over frequency, (batch, n_timbral, N_STEPS)."""
        image = (block - CENTRE).unsqueeze(1)
        return torch.cat([shared(image) for shared in self.timbral], dim=1)

    def logits_of(self, timbral: Tensor, log_mel: Tensor) -> Tensor:
        """The rest of the way, from both blocks' `timbral_of`, (batch, n_timbral, 2 * N_STEPS): (batch, n_labels)."""
        logits: Tensor = self.output(self._embedding(timbral, log_mel))
        return logits

    def _both_blocks(self, log_mel: Tensor) -> Tensor:
        return torch.cat([self.timbral_of(block) for block in torch.split(log_mel, BLOCK_FRAMES, dim=1)], dim=2)

    def _embedding(self, timbral: Tensor, log_mel: Tensor) -> Tensor:
        image = (log_mel - CENTRE).unsqueeze(1)
        highest = torch.cat([timbral, *(_highest(conv(image)) for conv in self.temporal)], dim=1)
        front = (functional.relu(highest * self.gain + self.bias) * self.scale).unsqueeze(2)
        return torch.cat([tower(front[:, own]) for tower, own in zip(self.towers, self._own, strict=True)], dim=1)


def slim_musicnn(n_labels: int, input_shape: tuple[int, ...], **options: str | int) -> SlimMusicnn:
    """For windows of two blocks of 96 mels a frame, and no other; ValueError."""
    if input_shape != (2 * BLOCK_FRAMES, N_MELS):
        raise ValueError(
            f"it takes windows of {2 * BLOCK_FRAMES} frames of {N_MELS} mels (front end musicnn, 4 s every 2 s), "
            f"not an array of shape {input_shape}"
        )
    return SlimMusicnn(n_labels, **options)  # type: ignore[arg-type]  # its own ValueErrors


def _highest(outputs: Tensor) -> Tensor:
    """(batch, n, steps, places) -> the maximum over places, (batch, n, steps)."""
    return functional.max_pool2d(outputs, (1, outputs.shape[3])).squeeze(3)

"""A slim musicnn hop by hop: a block's timbral maxima are computed when it is the newer one, and carried. Exact."""

import torch
from torch import Tensor, nn

from models.musicnn.slim import BLOCK_FRAMES, N_STEPS, SlimMusicnn


class HopSlimMusicnn(nn.Module):
    """Inference only: two blocks' log-mel, and the first one's carry -> logits, and the second one's carry."""

    def __init__(self, network: SlimMusicnn) -> None:
        super().__init__()
        self.network = network

    @property
    def carry_size(self) -> int:
        """Numbers in a block's carry."""
        return self.network.n_timbral * N_STEPS

    def forward(self, log_mel: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """float32 (batch, 250, 96), carry of the first blocks (batch, carry_size) -> (batch, n_labels), and a carry."""
        older = carried.reshape(-1, self.network.n_timbral, N_STEPS)
        newer = self.network.timbral_of(log_mel[:, BLOCK_FRAMES:])
        logits = self.network.logits_of(torch.cat([older, newer], dim=2), log_mel)
        return logits, newer.flatten(1)

    def first_carry(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the carry of the first blocks (batch, carry_size), for whoever has none."""
        return self.network.timbral_of(log_mel[:, :BLOCK_FRAMES]).flatten(1)

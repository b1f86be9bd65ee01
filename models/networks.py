"""Every network that genred trains, by name, and what they all can do."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from torch import Tensor, nn

from models.musicnn import Musicnn
from models.spectrogram_attention_cnn import SpectrogramAttentionCnn
from models.spectrogram_cnn import SpectrogramCnn

Options = Mapping[str, int | float | str | bool]


class Network(Protocol):
    """Log-mel windows, float32 (batch, frames, mels), normalised as the front end says -> what training needs."""

    def logits(self, log_mel: Tensor) -> Tensor:
        """(batch, n_labels), before the activation."""
        ...

    def embedding(self, log_mel: Tensor) -> Tensor:
        """(batch, n), the penultimate layer."""
        ...


def make_network(name: str, n_labels: int, options: Options) -> nn.Module:
    """A freshly initialised network. KeyError for an unknown name, TypeError for an option it does not have."""
    return NETWORKS[name](n_labels=n_labels, **options)


NETWORKS: Final[Mapping[str, Callable[..., nn.Module]]] = {
    "musicnn": Musicnn,
    "spectrogram-attention-cnn": SpectrogramAttentionCnn,
    "spectrogram-cnn": SpectrogramCnn,
}

"""Every network that genred trains, by name, and what they all can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from torch import Tensor, nn

from models.front_ends.named import HearingName
from models.musicnn.slim import slim_musicnn
from models.networks.convnet import ConvNet
from models.networks.convnet_improv import convnet_improv
from models.networks.embedding_mlp import musicnn_mlp, wav2vec2_mlp
from models.networks.improved_music_genre_cnn_v2 import ImprovedMusicGenreCnnV2
from models.networks.lstm import Lstm
from models.networks.mfcc_cnn import MfccCnn
from models.networks.music_genre_cnn import improved_music_genre_cnn, music_genre_cnn
from models.networks.musicnn import musicnn
from models.networks.resnet50 import ResNet50
from models.networks.spectrogram_attention_cnn import SpectrogramAttentionCnn
from models.networks.spectrogram_cnn import SpectrogramCnn
from models.networks.vector_cnn import VectorCnn
from models.networks.vector_dense import VectorDense
from models.networks.vector_rnn import VectorRnn
from models.networks.wav2vec2 import Wav2Vec2

Options = Mapping[str, int | float | str | bool]


class Network(Protocol):
    """What the front end makes of windows, float32 (batch, *input_shape) -> what training needs."""

    def logits(self, inputs: Tensor) -> Tensor:
        """(batch, n_labels), before the activation."""
        ...

    def embedding(self, inputs: Tensor) -> Tensor:
        """(batch, n), the penultimate layer."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkKind:
    """make: (n_labels=, input_shape=, **options) -> a network; ValueError for inputs and options it cannot take.

    hearing: what it usually listens to, a name of `models.front_ends.named`. begins_with: options that say where a run
    takes its first weights from; they are nothing to the network itself, and no checkpoint keeps them. frozen_body:
    only what follows the body learns; each window goes through the body once, and its answer is kept.
    """

    make: Callable[..., nn.Module]
    hearing: HearingName = "spectrogram"
    begins_with: frozenset[str] = frozenset()
    frozen_body: bool = False


def make_network(name: str, n_labels: int, options: Options, input_shape: tuple[int, ...]) -> nn.Module:
    """A freshly initialised network for inputs of `input_shape` (without the batch).

    KeyError for an unknown name, TypeError for an option it does not have, ValueError for inputs it cannot take and
    values it cannot have.
    Options that a run begins with are passed over.
    """
    return NETWORKS[name].make(n_labels=n_labels, input_shape=input_shape, **architecture(name, options))


def has_frozen_body(name: str) -> bool:
    """Whether the body of that network never moves; False for an unknown name."""
    return name in NETWORKS and NETWORKS[name].frozen_body


def architecture(name: str, options: Options) -> Options:
    """The options without those that only a run begins with. KeyError for an unknown name."""
    return {option: value for option, value in options.items() if option not in NETWORKS[name].begins_with}


_CHECKPOINT: Final = frozenset({"checkpoint"})

NETWORKS: Final[Mapping[str, NetworkKind]] = {
    "convnet": NetworkKind(ConvNet, "mel-image"),
    "convnet-improv": NetworkKind(convnet_improv, "mel-image"),
    "improved-music-genre-cnn": NetworkKind(improved_music_genre_cnn, "mel-image"),
    "improved-music-genre-cnn-v2": NetworkKind(ImprovedMusicGenreCnnV2, "mel-image"),
    "lstm": NetworkKind(Lstm, "frame33"),
    "mfcc-cnn": NetworkKind(MfccCnn, "mfcc"),
    "music-genre-cnn": NetworkKind(music_genre_cnn, "mel-image"),
    "musicnn": NetworkKind(musicnn, "musicnn"),
    "musicnn-mlp": NetworkKind(musicnn_mlp, "musicnn", _CHECKPOINT, frozen_body=True),
    "resnet50": NetworkKind(ResNet50, "mel-image", frozenset({"weights"})),
    "slim-musicnn": NetworkKind(slim_musicnn, "musicnn"),
    "spectrogram-attention-cnn": NetworkKind(SpectrogramAttentionCnn),
    "spectrogram-cnn": NetworkKind(SpectrogramCnn),
    "vector-cnn": NetworkKind(VectorCnn, "track174"),
    "vector-dense": NetworkKind(VectorDense, "track174"),
    "vector-rnn": NetworkKind(VectorRnn, "track174"),
    "wav2vec2": NetworkKind(Wav2Vec2, "waveform", _CHECKPOINT),
    "wav2vec2-mlp": NetworkKind(wav2vec2_mlp, "waveform-10s", _CHECKPOINT, frozen_body=True),
}

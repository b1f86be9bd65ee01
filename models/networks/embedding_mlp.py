"""A frozen body that hears, and a small network that learns on what it says.

196,864 + 257 parameters a label learn on Wav2Vec2's 768 values, 51,456 + 257 on musicnn's 200. The body never moves:
what it says of a window can be computed once and kept (`export.train.embedding_stage`).
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.network import N_EMBEDDING, N_MELS, Musicnn
from models.networks.option_checks import check_counts, check_dropouts, mel_frames
from models.networks.wav2vec2 import Wav2Vec2Embedding

MUSICNN_CHECKPOINT: Final = "musicnn-msd"
HIDDEN: Final = 256
DROPOUT: Final = 0.2


class EmbeddingMlp(nn.Module):
    """body (batch, *input_shape) -> (batch, n_embedding), FC, ReLU, dropout, FC.

    The body has no gradients and stays in evaluation, its normalisations too. ValueError for values no network can
    have.
    """

    def __init__(self, body: nn.Module, n_embedding: int, n_labels: int, hidden: int, dropout: float) -> None:
        super().__init__()
        check_counts({"hidden": hidden})
        check_dropouts({"dropout": dropout})
        self.body = body.requires_grad_(False).eval()
        self.n_embedding = n_embedding
        self.dense = nn.Linear(n_embedding, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, n_labels)

    def train(self, mode: bool = True) -> "EmbeddingMlp":
        """As of any module, but for the body."""
        super().train(mode)
        self.body.eval()
        return self

    def logits(self, inputs: Tensor) -> Tensor:
        """What the body takes -> (batch, n_labels) before the activation."""
        return self.logits_of(self.body(inputs))

    def embedding(self, inputs: Tensor) -> Tensor:
        """What the body takes -> the penultimate layer, (batch, hidden)."""
        return functional.relu(self.dense(self.body(inputs)))

    def logits_of(self, embeddings: Tensor) -> Tensor:
        """What the body has said, float32 (batch, n_embedding) -> (batch, n_labels)."""
        scores: Tensor = self.output(self.dropout(functional.relu(self.dense(embeddings))))
        return scores


class MusicnnEmbedding(nn.Module):
    """Log-mel windows -> musicnn's penultimate layer, (batch, 200)."""

    def __init__(self) -> None:
        super().__init__()
        self.musicnn = Musicnn()
        del self.musicnn.output  # its labels are not asked for

    def forward(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> (batch, 200)."""
        return self.musicnn.embedding(log_mel)


def musicnn_mlp(
    n_labels: int,
    input_shape: tuple[int, ...],
    hidden: int = HIDDEN,
    dropout: float = DROPOUT,
) -> EmbeddingMlp:
    """A run takes over the body of a shipped musicnn, a checkpoint or a run folder; building does not.

    ValueError for an input that has not musicnn's 96 mels a frame, and for values no network can have.
    """
    mel_frames(input_shape, N_MELS)
    return EmbeddingMlp(MusicnnEmbedding(), N_EMBEDDING, n_labels, hidden, dropout)


def wav2vec2_mlp(
    n_labels: int,
    input_shape: tuple[int, ...],
    config: str = "",
    hidden: int = HIDDEN,
    dropout: float = DROPOUT,
) -> EmbeddingMlp:
    """config, errors: as of `models.networks.wav2vec2.Wav2Vec2`."""
    body = Wav2Vec2Embedding(input_shape, config)
    return EmbeddingMlp(body, body.n_embedding, n_labels, hidden, dropout)

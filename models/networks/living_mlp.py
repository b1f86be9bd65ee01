"""An MLP on musicnn's penultimate layer, without what is dead in its body."""

from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.living_filters import living
from models.musicnn.network import Musicnn
from models.networks.embedding_mlp import EmbeddingMlp, MusicnnEmbedding


class LivingMlp(nn.Module):
    """`network`, whose body is a musicnn, in evaluation.

    The MLP's first layer reads the penultimate one as musicnn's own labels did, so it stands in their place, and a
    filter is alive if it moves that layer.
    """

    def __init__(self, network: EmbeddingMlp) -> None:
        super().__init__()
        assert isinstance(network.body, MusicnnEmbedding)
        whole = Musicnn(network.dense.out_features)
        first = {f"output.{name}": values for name, values in network.dense.state_dict().items()}
        whole.load_state_dict({**network.body.musicnn.state_dict(), **first})
        self.first = living(whole)
        self.output = network.output

    def logits(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, frames, 96) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(functional.relu(self.first.logits(log_mel)))
        return scores

"""Networks whose body has learnt elsewhere take over its weights when a run begins: the options `checkpoint` and
`weights`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from torch import Tensor, nn

from export.errors import InputUnusable, SettingsUnusable
from export.train.initial import initial_network
from export.train.published import published_weights
from export.train.resnet50_weights import begin_with_weights
from export.train.settings import TrainSettings
from models.card import Label
from models.networks.embedding_mlp import MUSICNN_CHECKPOINT, EmbeddingMlp, MusicnnEmbedding
from models.networks.resnet50 import ResNet50
from models.networks.wav2vec2 import BASE, Wav2Vec2, Wav2Vec2Embedding

_BODIES: Final = ("wav2vec2.", "musicnn.")
_UNUSED: Final = "wav2vec2.masked_spec_embed"  # not everybody publishes it


def take_over(network: nn.Module, settings: TrainSettings, labels: Sequence[Label]) -> None:
    """Put the checkpoint's weights into `network`, fresh of `settings`; nothing where it has no such option.

    InputUnusable, SettingsUnusable, DependencyMissing.
    """
    named = settings.network_options.get("checkpoint")
    body = network.body if isinstance(network, EmbeddingMlp) else network
    if isinstance(body, MusicnnEmbedding):
        _put(body, _musicnn(str(named or MUSICNN_CHECKPOINT), settings), str(named or MUSICNN_CHECKPOINT))
    elif isinstance(body, Wav2Vec2 | Wav2Vec2Embedding):
        names = tuple(label.name for label in labels)
        _put(body, published_weights(str(named or BASE), names), str(named or BASE))
    elif isinstance(body, ResNet50):
        _check_kept(settings)
        begin_with_weights(body, settings)


def _musicnn(checkpoint: str, settings: TrainSettings) -> dict[str, Tensor]:
    spec, network = initial_network(checkpoint)
    if spec.network != "musicnn" or spec.recipe.front_end != settings.recipe.front_end:
        raise InputUnusable(
            f"network_options.checkpoint: {checkpoint} is a {spec.network}"
            + (" that hears with another front end" if spec.network == "musicnn" else ", not a musicnn")
        )
    return {f"musicnn.{name}": tensor for name, tensor in network.state_dict().items()}


def _check_kept(settings: TrainSettings) -> None:
    options = settings.network_options
    if options.get("first_conv") == "kept" and not options.get("weights"):
        raise SettingsUnusable(
            "network_options: first_conv = 'kept' needs weights: there is nothing to keep it from without them"
        )


def _put(body: nn.Module, weights: Mapping[str, Tensor], checkpoint: str) -> None:
    """Those that `body` has; it must get all that is not of a last layer."""
    own = body.state_dict()
    absent = [name for name in own if name.startswith(_BODIES) and name not in weights and name != _UNUSED]
    if absent:
        raise InputUnusable(
            f"network_options.checkpoint: {checkpoint} is not whole: {len(absent)} weights of {len(own)} are not "
            f"there, {absent[0]} among them"
        )
    try:
        body.load_state_dict({**own, **{name: tensor for name, tensor in weights.items() if name in own}})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputUnusable(f"network_options.checkpoint: {checkpoint} does not fit its config: {reason}") from None

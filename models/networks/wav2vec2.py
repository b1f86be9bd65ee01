"""Wav2Vec2 over waveforms (Baevski et al., 2020), with HuggingFace transformers' own module and names of weights.

94,568,576 + 257 parameters a label with the published base architecture. transformers is imported only where a network
is made: nothing else of genred needs it.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor, nn

from models.networks.option_checks import check_flags, waveform_length

if TYPE_CHECKING:
    from transformers import Wav2Vec2Config

BASE: Final = "facebook/wav2vec2-base-960h"
# What decides the shapes and the arithmetic of a Wav2Vec2; the rest of its configuration is of other tasks.
ARCHITECTURE: Final = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout",
    "activation_dropout",
    "attention_dropout",
    "feat_proj_dropout",
    "initializer_range",
    "layer_norm_eps",
    "feat_extract_norm",
    "feat_extract_activation",
    "conv_dim",
    "conv_stride",
    "conv_kernel",
    "conv_bias",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
    "do_stable_layer_norm",
    "classifier_proj_size",
)


class Wav2Vec2(nn.Module):
    """Waveforms -> logits of `n_labels` labels, as Wav2Vec2ForSequenceClassification: the frames of the last layer,
    projected, averaged over time, and a last layer (its `classifier`, here `output`).

    config: the architecture as JSON, which a run fills in from the checkpoint that its first weights are taken from
    (`export.train.published`); "" for the base's. freeze_encoder: the convolutions at the bottom stay as they are.
    ImportError without transformers; ValueError for a config that is none, and for inputs that are no waveform or
    shorter than its convolutions see.
    """

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        config: str = "",
        freeze_encoder: bool = True,
    ) -> None:
        super().__init__()
        check_flags({"freeze_encoder": freeze_encoder})
        architecture = parsed_config(config)
        waveform_length(input_shape, fewest_samples(architecture))
        self.wav2vec2 = wav2vec2_body(architecture)
        if freeze_encoder:
            self.wav2vec2.feature_extractor._freeze_parameters()
        self.projector = nn.Linear(architecture.hidden_size, architecture.classifier_proj_size)
        self.output = nn.Linear(architecture.classifier_proj_size, n_labels)

    def logits(self, waveform: Tensor) -> Tensor:
        """float32 (batch, samples) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.embedding(waveform))
        return scores

    def embedding(self, waveform: Tensor) -> Tensor:
        """float32 (batch, samples) -> (batch, classifier_proj_size)."""
        projected: Tensor = self.projector(self.wav2vec2(waveform).last_hidden_state)
        return projected.mean(dim=1)


class Wav2Vec2Embedding(nn.Module):
    """Waveforms -> the mean over time of the last layer's frames. config, errors: see `Wav2Vec2`."""

    def __init__(self, input_shape: tuple[int, ...], config: str = "") -> None:
        super().__init__()
        architecture = parsed_config(config)
        waveform_length(input_shape, fewest_samples(architecture))
        self.wav2vec2 = wav2vec2_body(architecture)
        self.n_embedding: int = architecture.hidden_size

    def forward(self, waveform: Tensor) -> Tensor:
        """float32 (batch, samples) -> (batch, n_embedding)."""
        frames: Tensor = self.wav2vec2(waveform).last_hidden_state
        return frames.mean(dim=1)


def wav2vec2_body(architecture: "Wav2Vec2Config") -> Any:
    """A freshly initialised Wav2Vec2Model, float32.

    The vector that SpecAugment masks with is there, for published weights have it, and is not used: masks and dropped
    layers are drawn from generators that a resumed training could not wind back.
    """
    from transformers import Wav2Vec2Model

    body = Wav2Vec2Model(architecture)
    body.masked_spec_embed.requires_grad_(False)
    return body


def parsed_config(text: str) -> "Wav2Vec2Config":
    """The configuration of a JSON object of `ARCHITECTURE`'s fields; "": the base's. ValueError."""
    from transformers import Wav2Vec2Config

    fields = json.loads(text) if text else {}
    if not isinstance(fields, dict) or not set(fields) <= set(ARCHITECTURE):
        raise ValueError(f"config must be a JSON object with fields such as hidden_size, not {text[:80]}")
    try:
        return Wav2Vec2Config(**fields, layerdrop=0.0, apply_spec_augment=False, mask_time_prob=0.05)
    except Exception as error:  # of the hub's own classes, which share no base
        raise ValueError(f"config: {str(error).splitlines()[-1].strip()}") from None


def fewest_samples(architecture: "Wav2Vec2Config") -> int:
    """What one frame of its convolutions sees (400 of the base's)."""
    samples = 1
    for kernel, stride in zip(reversed(architecture.conv_kernel), reversed(architecture.conv_stride), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def config_text(fields: Mapping[str, Any]) -> str:
    """A published configuration's `ARCHITECTURE` as JSON; what it does not say is the base's."""
    complete = {**parsed_config("").to_dict(), **fields}
    return json.dumps({name: complete[name] for name in ARCHITECTURE}, sort_keys=True)

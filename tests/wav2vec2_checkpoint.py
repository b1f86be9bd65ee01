"""A published Wav2Vec2 as it would lie in a folder: the true architecture, tiny, with weights drawn at random.

The fixture `published`, as a plugin: `pytest_plugins = ["tests.wav2vec2_checkpoint"]`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from export.train.settings import TrainSettings
from tests.training_sets import SETTINGS

TINY: dict[str, Any] = {
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 4),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a body without a head."""
    return write_checkpoint(tmp_path_factory.mktemp("published") / "tiny")


def write_checkpoint(folder: Path, labels: tuple[str, ...] = (), seed: int = 0, **changes: Any) -> Path:
    """`folder` with config.json and model.safetensors: of a classifier of `labels`, or without a head."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification, Wav2Vec2Model

    torch.manual_seed(seed)
    config = Wav2Vec2Config(**{**TINY, **changes})
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    network = Wav2Vec2ForSequenceClassification(config) if labels else Wav2Vec2Model(config)
    network.save_pretrained(folder)
    return folder


def tiny_settings(checkpoint: Path, network: str = "wav2vec2", **changes: Any) -> TrainSettings:
    """Settings for `network`, at the rate and the windows of `tests.training_sets`."""
    front_end = {**SETTINGS["front_end"], "kind": "waveform", "n_fft": 400, "frame_hop": 400, "n_mels": 0}
    table = {
        "network": network,
        "network_options": {"checkpoint": str(checkpoint)},
        "front_end": {**front_end, "scaling": "none", "normalisation": "window"},
        "window_s": 2.0,
        "hop_s": 1.0,
        "epochs": 3,
        "batch_size": 8,
        "device": "cpu",
        "optimiser": {"kind": "adam", "learning_rate": 0.01},
    }
    return TrainSettings.model_validate({**table, **changes})

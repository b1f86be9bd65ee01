"""A published Wav2Vec2 as it would lie in a folder: the true architecture, tiny, with weights drawn at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

TINY: dict[str, Any] = {
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 4),
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
}


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

"""What is left of an epoch in the run's folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from export.data.music_set import MusicSet
from export.train.attention_plot import plot_attention
from export.train.curves import plot_curves
from export.train.material import Material
from export.train.outcome import EpochFigures
from export.train.run_folder import RunFolder, write_metrics
from export.train.settings import TrainSettings
from export.train.trained import NetworkSpec, save_network
from models.network_input_torch import network_input
from models.spectrogram_attention_cnn import SpectrogramAttentionCnn

_PLOT_EPOCHS: Final = 5


def keep_best(
    folder: RunFolder,
    music: MusicSet,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    figures: EpochFigures,
) -> None:
    """The network of the best epoch so far, with all that converting it will want to know."""
    _save(folder.best, music, settings, network, material, figures)


def keep_epoch(
    folder: RunFolder,
    music: MusicSet,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    history: Sequence[EpochFigures],
    last: bool,
) -> None:
    """The network as it is, the figures, and every fifth epoch (and after the `last`) the pictures."""
    _save(folder.last, music, settings, network, material, history[-1])
    write_metrics(folder, history)
    if last or len(history) % _PLOT_EPOCHS == 0:
        plot_curves(history, folder.plots / "curves.png")
        if isinstance(network, SpectrogramAttentionCnn):
            _plot_attention(network, material, folder.plots / "attention.png")


def _save(
    path: Path,
    music: MusicSet,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    figures: EpochFigures,
) -> None:
    notes = {
        "music_set": {
            "fingerprint": music.fingerprint,
            "multi_label": music.multi_label,
            "clips": {split: len(music.of(split)) for split in ("train", "validation", "test")},
        },
        "epoch": asdict(figures),
        "settings": settings.model_dump(mode="json"),
    }
    spec = NetworkSpec(
        settings.network, music.labels, settings.recipe, material.activation, settings.network_options, notes
    )
    save_network(path, spec, network.state_dict())


def _plot_attention(network: SpectrogramAttentionCnn, material: Material, path: Path) -> None:
    """On the first window that validation hears."""
    judge, recipe = material.judge, material.judge.cache.recipe
    blocks = judge.cache.blocks(judge.clips[0])
    first = np.flatnonzero(~blocks.silent(recipe))[:1]
    window = network_input(torch.from_numpy(blocks.windows(recipe, first)), recipe.front_end)
    plot_attention(network, window.to(judge.team.device), path)

"""What is left of an epoch in the run's folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from torch import nn

from export.train.attention_plot import plot_attention
from export.train.curves import plot_curves
from export.train.material import Lesson, Material
from export.train.outcome import EpochFigures
from export.train.run_folder import RunFolder, write_metrics
from export.train.settings import TrainSettings
from export.train.trained import NetworkSpec, save_network
from models.networks.registry import architecture
from models.networks.spectrogram_attention_cnn import SpectrogramAttentionCnn

_PLOT_EPOCHS: Final = 5


def keep_best(
    folder: RunFolder,
    lesson: Lesson,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    figures: EpochFigures,
) -> None:
    """The network of the best epoch so far, with all that converting it will want to know."""
    _save(folder.best, lesson, settings, network, material, figures)


def keep_last(
    folder: RunFolder,
    lesson: Lesson,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    figures: EpochFigures,
) -> None:
    """The network as it is."""
    _save(folder.last, lesson, settings, network, material, figures)


def keep_epoch(
    folder: RunFolder,
    network: nn.Module,
    material: Material,
    history: Sequence[EpochFigures],
    last: bool,
) -> None:
    """The figures, and every fifth epoch (and after the `last`) the pictures."""
    write_metrics(folder, history)
    if last or len(history) % _PLOT_EPOCHS == 0:
        plot_curves(history, folder.plots / "curves.png")
        if isinstance(network, SpectrogramAttentionCnn):
            _plot_attention(network, material, folder.plots / "attention.png")


def _save(
    path: Path,
    lesson: Lesson,
    settings: TrainSettings,
    network: nn.Module,
    material: Material,
    figures: EpochFigures,
) -> None:
    music = lesson.music
    notes = {
        "music_set": {
            "fingerprint": music.fingerprint,
            "multi_label": music.multi_label,
            "clips": {split: len(music.of(split)) for split in ("train", "validation", "test")},
        },
        "epoch": asdict(figures),
        "settings": settings.model_dump(mode="json"),
    }
    options, heard = architecture(settings.network, settings.network_options), settings.recipe
    spec = NetworkSpec(settings.network, music.labels, heard, material.activation, options, notes, lesson.columns)
    save_network(path, spec, network.state_dict())


def _plot_attention(network: SpectrogramAttentionCnn, material: Material, path: Path) -> None:
    """On the first window that validation hears; of a team's share that is silent there is no picture."""
    first = next(iter(material.judge.held_out.batches()), None)
    if first is not None:
        plot_attention(network, first[0][:1], path)

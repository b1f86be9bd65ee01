"""What a run learns from: checked, heard into the cache, and in the shape the loop takes."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import torch
from torch import Generator, Tensor, nn

from export.data.augment import Augmentation, check_allowed
from export.data.cache import FeatureCache
from export.data.cache_build import build
from export.data.clip import Clip
from export.data.leaks import check_leaks
from export.data.media import check_heard, is_picture
from export.data.music_set import MusicSet
from export.data.targets import LabelTargets, Targets
from export.data.window_source import WindowSource
from export.data.window_stream import WindowBatch, WindowStream
from export.errors import InputUnusable, SettingsUnusable
from export.train.embedding_stage import EmbeddingCache, OnEmbeddings, check_unaugmented, unchanged
from export.train.losses import Loss, activation_of, label_weights, make_loss
from export.train.parallel import Team
from export.train.settings import SOFTMAX_LOSSES, TrainSettings
from export.train.validation import ClipWindows, Judge, check_watch
from models.card import Activation
from models.front_ends.network_input_torch import network_input
from models.networks.embedding_mlp import EmbeddingMlp

Augment = Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]]
Inputs = Callable[[Tensor], Tensor]

_NAMED: Final = 5  # clips that a message lists


class Stream(Protocol):
    """What is learnt from, epoch by epoch; see `export.data.window_stream.WindowStream`."""

    batches_per_epoch: int

    def epoch(self, n: int) -> Iterator[WindowBatch]:
        """The batches of epoch `n`, always the same ones."""
        ...


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that the loop works on. left_out: clips that could not be used, and why.

    augment: a batch's frames and targets -> others of the same shapes. inputs: frames -> what the network takes.
    learner: what learns, where that is not the whole network but the part of it that takes `inputs`.
    """

    stream: Stream
    judge: Judge
    loss: Loss
    activation: Activation
    augment: Augment
    inputs: Inputs
    left_out: Sequence[tuple[Clip, str]] = ()
    learner: nn.Module | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a run is about. music: clips, labels and splits, for what the run notes. gather: the material of a team and
    its network, which has its weights already.

    columns: the features' names where they come from a table, and from no front end; see `export.train.trained`.
    """

    music: MusicSet
    gather: Callable[[Team, nn.Module], Material]
    columns: tuple[str, ...] = ()


def check_music(music: MusicSet, settings: TrainSettings, taught: bool) -> None:
    """What can be known before anything is heard; taught: targets come from elsewhere, not from the labels.

    InputUnusable, SettingsUnusable.
    """
    if music.multi_label and settings.loss.kind in SOFTMAX_LOSSES:
        raise SettingsUnusable(
            f"loss.kind: {settings.loss.kind} is for one label a clip, and clips of {music.folder} may have several; "
            "use bce, asymmetric-focal, asl, or soft-bce for a teacher's scores"
        )
    check_watch(settings.early_stop.watch, taught, music.multi_label)
    kind = settings.recipe.front_end.kind
    check_allowed(settings.augment, kind)
    if any(is_picture(clip.path) for clip in music.clips):
        check_heard(kind)
    _check_clips(music, {split: music.of(split) for split in ("train", "validation")}, taught)
    check_leaks(music)


def gather_material(
    music: MusicSet,
    settings: TrainSettings,
    targets: Targets | None,
    folder: Path,
    workers: int,
    team: Team,
    network: nn.Module,
) -> Material:
    """Fill the cache in `folder` with what is missing and read on from there. InputUnusable, CannotWrite.

    What the body of an EmbeddingMlp says of the windows is kept there, too.
    """
    if isinstance(network, EmbeddingMlp):
        check_unaugmented(settings.augment, settings.network)
    cache = FeatureCache(folder, settings.recipe)
    clips = [*music.of("train"), *music.of("validation")]
    if not team.leads:
        team.wait()  # it is the leader who fills it
    report = build(cache, clips, workers)
    if team.leads:
        _say(report.refused)
        team.wait()
    usable = {split: report.usable(music.of(split)) for split in ("train", "validation")}
    _check_clips(music, usable, targets is not None)
    given = targets or LabelTargets(music.label_names)
    activation = activation_of(settings.loss)
    weights = None
    if targets is None:
        weights = label_weights(settings.loss, torch.cat([torch.from_numpy(given.of(c, 1)) for c in usable["train"]]))
    loss = make_loss(settings.loss, None if weights is None else weights.to(team.device))
    hearing = _hearing(cache, [*usable["train"], *usable["validation"]], settings, team, network)
    windows = settings.windows
    stream = WindowStream(
        usable["train"],
        hearing.source,
        given,
        settings.batch_size,
        settings.seed,
        shuffle_windows=windows.shuffle,
        balance=windows.balance,
        windows_per_label=windows.per_label or None,
        windows_per_clip=windows.per_clip or None,
        rank=team.rank,
        world_size=team.size,
    )
    n_labels = len(music.labels)
    held_out = ClipWindows(usable["validation"], hearing.source, hearing.inputs, given, team)
    judge = Judge(held_out, activation, n_labels, music.multi_label, loss, team)
    return Material(stream, judge, loss, activation, hearing.augment, hearing.inputs, report.refused, hearing.learner)


@dataclass(frozen=True, slots=True)
class _Hearing:
    """Where windows come from, and how they reach what learns; see `Material`."""

    source: WindowSource
    augment: Augment
    inputs: Inputs
    learner: nn.Module | None = None


def _hearing(
    cache: FeatureCache, clips: Sequence[Clip], settings: TrainSettings, team: Team, network: nn.Module
) -> _Hearing:
    if isinstance(network, EmbeddingMlp):
        embeddings = EmbeddingCache(cache, network, team)
        embeddings.prepare(clips)
        return _Hearing(embeddings, unchanged, nn.Identity(), OnEmbeddings(network))
    front_end = settings.recipe.front_end
    return _Hearing(cache, Augmentation(settings.augment, front_end), partial(network_input, spec=front_end))


def _check_clips(music: MusicSet, clips: Mapping[str, Sequence[Clip]], taught: bool) -> None:
    for split, found in clips.items():
        if not found:
            raise InputUnusable(f"{music.folder}: no clip to use in the split {split}; see genred export scan --help")
    if taught:
        return
    if len(music.labels) < 2 and not music.multi_label:
        raise InputUnusable(f"{music.folder}: one label alone, {', '.join(music.label_names)}: nothing to tell apart")
    if not music.multi_label:
        wrong = [clip for found in clips.values() for clip in found if len(clip.labels) != 1]
        if wrong:
            raise InputUnusable(
                f"{wrong[0].path}: {len(wrong[0].labels)} labels, where each clip of {music.folder} must have one"
            )
    counts = Counter(label for clip in clips["train"] for label in clip.labels)
    absent = [label for label in music.label_names if not counts[label]]
    if absent:
        raise InputUnusable(f"{music.folder}: no training clip has the label {', '.join(absent)}; scan it without")


def _say(refused: Sequence[tuple[Clip, str]]) -> None:
    if not refused:
        return
    lines = [f"{len(refused)} clips are left out:", *(f"  {clip.path} {why}" for clip, why in refused[:_NAMED])]
    if len(refused) > _NAMED:
        lines.append(f"  ... and {len(refused) - _NAMED} more, all in environment.json")
    sys.stderr.write("".join(f"{line}\n" for line in lines))

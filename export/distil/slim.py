"""The slim musicnn that a distillation begins with: what lives of its teachers, written as a checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.decode import UnreadableAudio
from export.distil.teacher import Teacher
from export.distil.teacher_targets import TeacherTargets
from export.errors import InputUnusable, SettingsUnusable
from export.train.settings import TrainSettings
from export.train.trained import NetworkSpec, load_network, save_network
from models.front_ends.network_input import network_input
from models.musicnn.network import Musicnn
from models.musicnn.slim import CENTRE, TIMBRAL_FRAMES, TIMBRAL_MELS, SlimMusicnn
from models.musicnn.slim_start import start_from

SLIM: Final = "slim-musicnn"
_START: Final = "start.safetensors"  # in the run folder
_CLIPS, _PATCHES_OF_CLIP = 40, 500  # that are listened to for what is heard under a filter


def with_start(
    settings: TrainSettings,
    teachers: Sequence[Teacher],
    targets: TeacherTargets,
    run: Path,
    clips: Sequence[Clip],
    cache: FeatureCache,
    resume: bool,
) -> TrainSettings:
    """The settings with the start that is made of the teachers, for what `clips` sound like, and written into `run`.

    They are the same where the network is another, or the start is given; a run that goes on keeps its own.
    InputUnusable for teachers that are no musicnns, SettingsUnusable; OSError.
    """
    if settings.network != SLIM or settings.initial:
        return settings
    path = run / _START
    begun = settings.model_copy(update={"initial": str(path)})
    if resume and path.is_file():
        return begun
    trained = [_trained(teacher) for teacher in teachers]
    heard = _patch_moments(clips, cache, settings.seed)
    spec = NetworkSpec(SLIM, targets.labels, teachers[0].recipe, "sigmoid", settings.network_options)
    try:
        network = cast(SlimMusicnn, spec.build())
        start_from(network, trained, torch.from_numpy(targets.merge), heard)
    except (TypeError, ValueError) as error:
        raise SettingsUnusable(f"network_options: {SLIM} cannot be made of the teachers with them: {error}") from None
    save_network(path, spec, network.state_dict())
    return begun


def _patch_moments(clips: Sequence[Clip], cache: FeatureCache, seed: int) -> list[Tensor]:
    """What music is under a timbral filter, of each height: second moments, float64 (7 * mels, 7 * mels)."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(clips))[:_CLIPS]
    sums = [np.zeros((TIMBRAL_FRAMES * mels, TIMBRAL_FRAMES * mels)) for mels in TIMBRAL_MELS]
    for place in chosen:
        try:
            blocks = cache.blocks(clips[place]).frames
        except UnreadableAudio:
            continue
        heard = network_input(blocks, cache.recipe.front_end) - CENTRE
        n_blocks, n_frames, n_mels = heard.shape
        for total, mels in zip(sums, TIMBRAL_MELS, strict=True):
            where = zip(
                rng.integers(0, n_blocks, _PATCHES_OF_CLIP),
                rng.integers(0, n_frames - TIMBRAL_FRAMES + 1, _PATCHES_OF_CLIP),
                rng.integers(0, n_mels - mels + 1, _PATCHES_OF_CLIP),
                strict=True,
            )
            patches = np.stack([heard[b, t : t + TIMBRAL_FRAMES, m : m + mels].ravel() for b, t, m in where])
            total += patches.T.astype(np.float64) @ patches
    return [torch.from_numpy(total) for total in sums]


def _trained(teacher: Teacher) -> Musicnn:
    """The weights beside the teacher's file."""
    path = teacher.path.with_suffix(".safetensors")
    if not path.is_file():
        raise InputUnusable(f"{SLIM} starts from its teachers' weights, and {path} is not there")
    spec, network = load_network(path)
    if not isinstance(network, Musicnn) or spec.recipe != teacher.recipe:
        raise InputUnusable(f"{SLIM} starts from musicnns, and {path} is a {spec.network}")
    return network

"""What a conversion wants to know of a music set: real windows to compare on, a temperature, thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import numpy as np
import numpy.typing as npt
import torch

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.decode import UnreadableAudio
from export.data.features import Blocks
from export.data.music_set import MusicSet
from export.data.recipe import Recipe
from export.errors import InputUnusable
from export.evaluate.alignment import compared
from export.evaluate.temperature import fit_temperature, scores_at
from export.evaluate.thresholds import best_thresholds
from export.progress import tracked
from export.train.trained import NetworkSpec
from models.front_ends.network_input import network_input
from models.networks.registry import Network

Floats = npt.NDArray[np.float32]
KEPT_WINDOWS: Final = 256
_BATCH: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """windows: float32 (n, *input_shape), normalised, spread over the validation clips; at most `KEPT_WINDOWS`.

    temperature (1) and thresholds (none): not found where the clips do not bear the network's labels. data: the set's
    fingerprint.
    """

    windows: Floats
    temperature: float = 1.0
    thresholds: Mapping[str, float] = field(default_factory=dict)
    data: str | None = None


def no_evidence(spec: NetworkSpec) -> Evidence:
    """Where no music set is known."""
    return Evidence(np.empty((0, *spec.recipe.input_shape), np.float32))


def evidence_of(
    music: MusicSet, cache: FeatureCache, spec: NetworkSpec, network: Network, *, tempered: bool = True
) -> Evidence:
    """Listen to the validation clips once. InputUnusable when there are none that can be heard.

    tempered: whether to look for a temperature.
    """
    clips = _validation(music)
    names = tuple(label.name for label in spec.labels)
    labelled = why_unmeasured(music, spec) is None
    a_clip = -(-KEPT_WINDOWS // len(clips))
    kept: list[Floats] = []
    logits: list[Floats] = []
    truth: list[Floats] = []
    for clip in tracked(clips, len(clips), "validation clips"):
        blocks = _blocks(clip, cache)
        if blocks is None:
            continue
        loud = np.flatnonzero(~blocks.silent(spec.recipe))
        if not len(loud):
            continue
        kept.append(_windows(blocks, spec.recipe, loud[_spread(len(loud), a_clip)]))
        if labelled:
            for start in range(0, len(loud), _BATCH):  # a clip may be hours long
                logits.append(_logits(network, _windows(blocks, spec.recipe, loud[start : start + _BATCH])))
            truth.append(np.tile(_truth(clip, names), (len(loud), 1)))
    if not kept:
        raise InputUnusable(f"{music.folder}: none of the validation clips has a window that is not silent")
    windows = np.concatenate(kept)
    windows = windows[_spread(len(windows), KEPT_WINDOWS)]
    if not labelled:
        return Evidence(windows, data=music.fingerprint)
    together, wanted = np.concatenate(logits), np.concatenate(truth)
    temperature = fit_temperature(together, wanted, spec.activation) if tempered else 1.0
    scores = scores_at(together, temperature, spec.activation)
    return Evidence(windows, temperature, best_thresholds(wanted, scores, names), music.fingerprint)


def why_unmeasured(music: MusicSet, spec: NetworkSpec) -> str | None:
    """Why the set can give no temperature and no thresholds, in words; None where it bears the network's labels."""
    labels = compared([label.name for label in spec.labels], music.label_names)
    if not labels.is_whole:
        return f"{music.folder} has other labels than the network: {labels.said}"
    if not any(clip.labels for clip in music.of("validation")):
        return f"none of the validation clips of {music.folder} has a label"
    return None


def _validation(music: MusicSet) -> Sequence[Clip]:
    clips = music.of("validation")
    if not clips:
        raise InputUnusable(f"{music.folder} has no validation clips: scan it with splits, or leave --set out")
    return clips


def _blocks(clip: Clip, cache: FeatureCache) -> Blocks | None:
    """None of a clip that cannot be read."""
    try:
        return cache.blocks(clip)
    except UnreadableAudio:
        return None


def _windows(blocks: Blocks, recipe: Recipe, which: npt.NDArray[np.intp]) -> Floats:
    """Those of a clip's windows, normalised."""
    return network_input(blocks.windows(recipe, which), recipe.front_end)


def _logits(network: Network, windows: Floats) -> Floats:
    with torch.inference_mode():
        return cast(Floats, network.logits(torch.from_numpy(windows)).numpy())


def _truth(clip: Clip, labels: Sequence[str]) -> Floats:
    return np.array([name in clip.labels for name in labels], np.float32)


def _spread(n: int, wanted: int) -> npt.NDArray[np.intp]:
    """At most `wanted` numbers of 0..n-1, at even distances."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(np.intp))

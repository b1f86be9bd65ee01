"""Ask any model for scores: an ONNX file or a trained checkpoint, one window batch or a whole set of clips.

What comes out is what the daemon says of the same file: windows on its grid, silent ones not scored, and a track's
scores the plain mean of the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.recipe import Recipe
from export.errors import InputUnusable
from models.card import Activation, Label
from models.catalogue import ModelNotFound, resolve_model
from models.front_ends.network_input import network_input

Floats = npt.NDArray[np.float32]
RUN_WINDOWS: Final = 64  # that go through a network at once: memory stays small, and no faster with more


class Scorer(Protocol):
    """A model that can be asked. Belongs to one thread."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def path(self) -> Path:
        """The file it came from."""
        ...

    @property
    def labels(self) -> tuple[Label, ...]:
        """In the order of the scores."""
        ...

    @property
    def recipe(self) -> Recipe:
        """What it listens to."""
        ...

    @property
    def activation(self) -> Activation:
        """Already applied to the scores."""
        ...

    @property
    def origin(self) -> Mapping[str, object]:
        """What its file says of where it is from."""
        ...

    def scores(self, windows: Floats) -> Floats:
        """Normalised windows, float32 (n, *input_shape) -> scores in 0..1, float32 (n, n_labels)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ClipScores:
    """What a model says of a clip.

    windows: float32 (n_windows, n_labels), zeros where silent: bool (n_windows,).
    """

    clip: Clip
    windows: Floats
    silent: npt.NDArray[np.bool_]

    @property
    def heard(self) -> Floats:
        """The windows that are not silent, (n, n_labels)."""
        return self.windows[~self.silent]

    @property
    def track(self) -> Floats | None:
        """The clip's own scores, (n_labels,): the mean of the windows heard. None when there is none."""
        heard = self.heard
        return heard.mean(axis=0, dtype=np.float64).astype(np.float32) if len(heard) else None


def model_path(name: str) -> Path:
    """The file or folder meant: a shipped model's name, an .onnx file, a checkpoint or a run folder. InputUnusable."""
    path = Path(name).expanduser()
    if path.suffix == ".safetensors" or (path.is_dir() and not _is_shipped(name)):
        return path
    try:
        return resolve_model(name)
    except ModelNotFound as error:
        raise InputUnusable(f"{error}, a .safetensors checkpoint, or a run folder") from None


def open_scorer(path: Path) -> Scorer:
    """The model in an .onnx file, a .safetensors checkpoint, or a run folder (its best one). InputUnusable."""
    if path.suffix == ".onnx":
        from export.evaluate.onnx_scorer import OnnxScorer

        return OnnxScorer(path)
    from export.evaluate.torch_scorer import TorchScorer

    return TorchScorer(path)


def score_clips(scorer: Scorer, clips: Iterable[Clip], cache: FeatureCache) -> Iterator[ClipScores]:
    """The scores of each clip in turn; `cache` must be of the scorer's recipe. UnreadableAudio."""
    recipe = scorer.recipe
    for clip in clips:
        blocks = cache.blocks(clip)
        silent = blocks.silent(recipe)
        loud = np.flatnonzero(~silent)
        found = np.zeros((len(silent), len(scorer.labels)), np.float32)
        for start in range(0, len(loud), RUN_WINDOWS):  # a clip may be hours long
            part = loud[start : start + RUN_WINDOWS]
            found[part] = scorer.scores(network_input(blocks.windows(recipe, part), recipe.front_end))
        yield ClipScores(clip, found, silent)


def _is_shipped(name: str) -> bool:
    try:
        resolve_model(name)
    except ModelNotFound:
        return False
    return True

"""What a window of a live stream costs with each of several models, all measured side by side on one thread."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from export.compare.side_by_side import Runtime, Speed
from export.convert.golden import golden_window
from export.convert.runtime import session_of
from export.convert.timing import hop_run, side_by_side_ms, window_run
from export.data.recipe import Recipe
from export.evaluate.onnx_scorer import OnnxScorer
from export.evaluate.scoring import Scorer
from models.front_ends.network_input import network_input


def measure(scorers: Sequence[Scorer]) -> list[Speed]:
    """Checkpoints in PyTorch, ONNX files in ONNX Runtime: taking turns, each on one window after the other.

    Models that hear alike have the same features, which are measured once. Decoding and resampling are not in it.
    """
    recipes = list(dict.fromkeys(scorer.recipe for scorer in scorers))
    with _one_thread():
        networks = [_network(scorer) for scorer in scorers]
        features = [_features(recipe) for recipe in recipes]
        took_ms = side_by_side_ms([*networks, *features])
    features_ms = dict(zip(recipes, took_ms[len(scorers) :], strict=True))
    return [
        _speed(scorer, features_ms[scorer.recipe], network_ms)
        for scorer, network_ms in zip(scorers, took_ms[: len(scorers)], strict=True)
    ]


def _speed(scorer: Scorer, features_ms: float, network_ms: float) -> Speed:
    runtime: Runtime = "ONNX Runtime" if isinstance(scorer, OnnxScorer) else "PyTorch"
    return Speed(features_ms, network_ms, runtime, 1000 * scorer.recipe.hop_s / (features_ms + network_ms))


def _network(scorer: Scorer) -> Callable[[], object]:
    if isinstance(scorer, OnnxScorer):
        return window_run(session_of(scorer.path.read_bytes(), threads=1), scorer.card)
    recipe = scorer.recipe
    window = golden_window(recipe.front_end, recipe.window_shape[0])[np.newaxis]
    return lambda: scorer.scores(window)


def _features(recipe: Recipe) -> Callable[[], object]:
    """Frames of the one hop block that is new, and what the network takes of the window that ends with it."""
    front_end = recipe.front_end
    hop = hop_run(front_end, recipe.hop_s)
    window = np.tile(hop()[:, : recipe.frames_per_hop], (1, recipe.blocks_per_window, 1))

    def run() -> object:
        hop()
        return network_input(window, front_end)

    return run


@contextmanager
def _one_thread() -> Iterator[None]:
    """Else the clock of the calling thread would miss what others do for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):  # type: ignore[no-untyped-call]  # numpy's
            yield
    finally:
        torch.set_num_threads(before)

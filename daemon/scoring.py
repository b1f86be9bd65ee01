"""Windows to scores: features, the silence gate, the network. What the engine's thread runs; knows no asyncio."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.cuts import Window
from daemon.features import CpuFeatures
from daemon.inference import OnnxModel, Scores

StageTimer = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredWindow:
    """A window and its scores, float32 (labels,); None when it is silent."""

    window: Window
    scores: Scores | None


class Scorer:
    """Scores batches of windows of any streams; `count_unusable` hears of NaN samples and the like."""

    def __init__(self, model: OnnxModel, silence_dbfs: float, count_unusable: Callable[[int], None]) -> None:
        self.model = model
        self.features = CpuFeatures(model.card.front_end, count_unusable)
        self._silence_power = 10 ** (silence_dbfs / 10)

    def score(self, windows: Sequence[Window], timed: StageTimer, clock: Callable[[], float]) -> list[ScoredWindow]:
        """The windows with their scores, in order. `timed(stage, seconds)` hears what each stage took."""
        started = clock()
        spectrograms = [self.features.window(window) for window in windows]
        featured = clock()
        timed("features", featured - started)
        loud = [index for index, window in enumerate(windows) if window_power(window) >= self._silence_power]
        scores: dict[int, Scores] = {}
        if loud:
            batch = self.model.scores(np.stack([spectrograms[index] for index in loud]))
            scores = dict(zip(loud, batch, strict=True))
            timed("inference", clock() - featured)
        return [ScoredWindow(window, scores.get(index)) for index, window in enumerate(windows)]


def window_power(window: Window) -> float:
    """Mean square of the window's samples, full scale 1; its blocks must have their features."""
    return math.fsum(block.mean_square for block in window.blocks) / len(window.blocks)

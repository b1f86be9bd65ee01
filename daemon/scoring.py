"""What the engine's workers run: a scorer takes a batch of windows and gives their scores. Knows no asyncio."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.cuts import Window
from daemon.inference import Scores
from daemon.roster import Roster

StageTimer = Callable[[str, float], None]  # hears a stage's name and the seconds a batch spent in it


@dataclass(frozen=True, slots=True, eq=False)
class ScoredWindow:
    """A window and its scores by the models of `roster`, float32 (roster.n_scores,); None when it is silent."""

    window: Window
    scores: Scores | None
    roster: Roster


class Batch(Protocol):
    """Windows under way."""

    def scores(self) -> list[Scores | None]:
        """Each window's scores, in order, None for a silent one; waits for them."""
        ...


class Scorer(Protocol):
    """Scores batches of windows of any streams, with every model of a roster. Belongs to one worker's thread."""

    @property
    def depth(self) -> int:
        """Batches that may be begun before the first one is asked for; 1 where `begin` itself computes."""
        ...

    def begin(self, windows: Sequence[Window]) -> Batch:
        """Put a batch under way. Windows of one stream come in order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FinishedBatch:
    """A batch that was computed when it was begun."""

    found: list[Scores | None]

    def scores(self) -> list[Scores | None]:
        """Each window's scores, in order."""
        return self.found


def window_power(window: Window) -> float:
    """Mean square of the window's samples, full scale 1; its blocks must have their features."""
    return math.fsum(block.mean_square for block in window.blocks) / len(window.blocks)

"""Where models run: a team loads them there, and scores with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from daemon.batcher import BatchLimits
from daemon.model import Model
from daemon.scoring import Scorer, StageTimer
from daemon.stages import Stages
from daemon.vocabulary import Merge

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, eq=False)
class Task(Generic[M]):
    """What a team is to do. count_unusable hears of NaN samples and the like, timed of the seconds of each stage,
    stages of the windows in it.

    merge: what becomes of the models' scores, one after the other. measure: the team may take a moment to find out how
    it is fastest.
    """

    models: Sequence[M]
    merge: Merge | None
    silence_dbfs: float
    count_unusable: Callable[[int], None]
    timed: StageTimer
    measure: bool
    stages: Stages


class Team(Protocol[M]):
    """Models of one kind of device."""

    def load(self, path: Path) -> M:
        """The model at `path`, checked. ModelRefused, AcceleratorUnavailable."""
        ...

    def scorers(self, task: Task[M]) -> tuple[tuple[Scorer, ...], BatchLimits]:
        """A scorer for each worker, as many every time, and the batches that suit them."""
        ...

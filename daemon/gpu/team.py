"""Models on a GPU: one worker, large batches, two of them under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from daemon.batcher import BatchLimits
from daemon.cuts import Window
from daemon.gpu.block_groups import ResampleOn
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device import open_device
from daemon.gpu.gpu_scorer import GpuBatch, GpuScorer
from daemon.gpu.lanes import Lanes
from daemon.gpu.network_options import Backend, NetworkOptions, Precision
from daemon.scoring import Scorer
from daemon.settings import EngineSettings
from daemon.team import Task
from daemon.vocabulary import Merge

MAX_BATCH = 256  # unless it is set


@cache
def gpu_team(settings: EngineSettings) -> GpuTeam:
    """The team of these settings: one a process, for blocks keep their features in its memory when models change."""
    return GpuTeam(settings)


class GpuTeam:
    """See `daemon.team.Team`. AcceleratorUnavailable when the device cannot be used."""

    def __init__(self, settings: EngineSettings) -> None:
        gpu = settings.gpu
        self._lanes = Lanes(open_device(settings.device))
        self._limits = BatchLimits(settings.max_batch or MAX_BATCH, settings.max_wait_ms / 1000)
        self._options = NetworkOptions(
            precision=Precision(settings.precision),
            backend=Backend(gpu.backend),
            cuda_graphs=gpu.cuda_graphs,
            max_batch=self._limits.max_windows,
            engine_cache=gpu.engine_cache,
        )
        self._resample_on = ResampleOn(gpu.resample)
        self._scorer: GpuScorer | None = None

    def load(self, path: Path) -> BoundNetwork:
        """The model at `path`, checked."""
        return BoundNetwork(path, self._lanes, self._options)

    def scorers(self, task: Task[BoundNetwork]) -> tuple[tuple[Scorer, ...], BatchLimits]:
        """One scorer: the same one whatever the models, which it changes when its turn comes."""
        if self._scorer is None:
            self._scorer = GpuScorer(
                task.models,
                self._lanes,
                task.silence_dbfs,
                task.count_unusable,
                task.timed,
                task.merge,
                self._resample_on,
                task.stages,
            )
        return (Turn(self._scorer, task.models, task.merge),), self._limits


@dataclass(slots=True, eq=False)
class Turn:
    """The process's scorer with certain models. Used by one worker, from one turn to the next."""

    scorer: GpuScorer
    networks: Sequence[BoundNetwork]
    merge: Merge | None
    served: bool = False

    @property
    def depth(self) -> int:
        """As the scorer's."""
        return self.scorer.depth

    def begin(self, windows: Sequence[Window]) -> GpuBatch:
        """Enqueue a batch, with this turn's models from its first one on."""
        if not self.served:
            self.scorer.serve(self.networks, self.merge)
            self.served = True
        return self.scorer.begin(windows)

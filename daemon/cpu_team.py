"""Models on a CPU: as many workers as cores, with one thread each, that share the models."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from daemon.batcher import BatchLimits
from daemon.calibration import best_run_windows, measured_run_windows
from daemon.cpu_scorer import CpuScorer
from daemon.errors import SettingsError
from daemon.inference import OnnxModel
from daemon.openvino_model import OpenVinoModel
from daemon.scoring import Scorer
from daemon.settings import EngineSettings
from daemon.team import Task

log = logging.getLogger(__name__)

# Under a backlog a worker takes several windows of different streams in turn: 6 % more windows a second, measured.
BATCH_WINDOWS = 4
BACKLOG_WINDOWS = 4  # waiting for each worker, for each window that it takes
CHAIN_WINDOWS = 8  # of a stream that is behind: its first window pays for what the others share


class CpuTeam:
    """See `daemon.team.Team`."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings

    def load(self, path: Path) -> OnnxModel:
        """The model at `path`, checked. SettingsError for a precision that no CPU computes in."""
        return cpu_model(path, self._settings.precision, self._n_workers)

    def scorers(self, task: Task[OnnxModel]) -> tuple[tuple[Scorer, ...], BatchLimits]:
        """A scorer a thread; `measure`: the size of a run by trying, unless it is set."""
        settings = self._settings
        run_windows = settings.max_batch or (_chosen_run_windows(task.models[0]) if task.measure else 1)
        workers = tuple(
            CpuScorer(
                task.models,
                task.silence_dbfs,
                run_windows,
                task.count_unusable,
                task.timed,
                task.merge,
                task.stages,
            )
            for _ in range(self._n_workers)
        )
        limits = BatchLimits(
            max(run_windows, min(BATCH_WINDOWS, settings.queue_windows)),
            settings.max_wait_ms / 1000,
            CHAIN_WINDOWS,
            share=BACKLOG_WINDOWS * self._n_workers,
        )
        return workers, limits

    @property
    def _n_workers(self) -> int:
        return self._settings.threads or len(os.sched_getaffinity(0))


def cpu_model(path: Path, precision: str, workers: int = 1) -> OnnxModel:
    """The model at `path` for so many threads, checked. ModelRefused, AcceleratorUnavailable, SettingsError."""
    if precision == "bf16":
        return OpenVinoModel(path, workers)
    if precision != "fp32":
        raise SettingsError(f"engine.precision={precision}: on a CPU use fp32, or bf16 with genred[openvino]")
    return OnnxModel(path, "cpu")


def _chosen_run_windows(model: OnnxModel) -> int:
    took_ms = measured_run_windows(model)
    best = best_run_windows(took_ms)
    told = ", ".join(f"{size}: {ms:.1f} ms" for size, ms in took_ms.items())
    log.info("engine: %d at a time is best here (a window takes, by windows at a time, %s)", best, told)
    return best

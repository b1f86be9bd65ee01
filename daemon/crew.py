"""From settings to who scores: the models, loaded and proved, and a scorer for each worker."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from daemon.batcher import BatchLimits
from daemon.calibration import best_run_windows, measured_run_windows
from daemon.cpu_scorer import CpuScorer
from daemon.engine import Crew
from daemon.errors import ModelRefused, SettingsError
from daemon.inference import OnnxModel
from daemon.metrics import Metrics
from daemon.settings import Settings
from daemon.vocabulary import as_one, each_for_itself
from models.catalogue import ModelNotFound, resolve_model

log = logging.getLogger(__name__)

CHAIN_WINDOWS = 8  # of a stream that is behind: its first window pays for what the others share


def load_models(settings: Settings) -> tuple[OnnxModel, ...]:
    """The settings' models, checked.

    ModelRefused, AcceleratorUnavailable; SettingsError for a window that one cannot take, or models that cannot hear
    together.
    """
    models = tuple(_load(name, settings) for name in settings.model_names)
    first = models[0].card
    for model in models[1:]:
        card = model.card
        if (card.front_end, card.window_s, card.hop_s) != (first.front_end, first.window_s, first.hop_s):
            raise SettingsError(
                f"models: {first.name} and {card.name} hear differently (front end or window); "
                "run a second daemon for one of them"
            )
    names = [model.card.name for model in models]
    if settings.model_results == "each" and len(set(names)) < len(names):
        raise SettingsError(
            f"models: {', '.join(names)}: results are told apart by the cards' names, which must differ"
        )
    return models


def make_crew(models: Sequence[OnnxModel], settings: Settings, metrics: Metrics, measure: bool = False) -> Crew:
    """A worker a thread; all share the models. `measure`: find the best size of a run by trying, unless it is set."""
    engine = settings.engine
    roster, merge = each_for_itself(models, settings.tags.all_labels), None
    if settings.model_results == "merged" and len(models) > 1:
        roster, merge = as_one(models, settings.tags.all_labels)
    run_windows = engine.max_batch or (_chosen_run_windows(models[0]) if measure else 1)
    scorers = tuple(
        CpuScorer(
            models,
            settings.windows.silence_dbfs,
            run_windows,
            metrics.unusable_samples.inc,
            metrics.stage_took,
            merge,
        )
        for _ in range(engine.threads or len(os.sched_getaffinity(0)))
    )
    return Crew(roster, scorers, BatchLimits(run_windows, engine.max_wait_ms / 1000, CHAIN_WINDOWS))


def _load(name: str, settings: Settings) -> OnnxModel:
    try:
        path = resolve_model(name)
    except ModelNotFound as error:
        raise ModelRefused(str(error)) from None
    model = OnnxModel(path, settings.engine.device)
    window_s = settings.windows.window_s or model.card.window_s
    if model.fixed_frames is not None and window_s != model.card.window_s:
        raise SettingsError(
            f"windows.window_s={window_s:g}: model {model.card.name} takes windows of {model.card.window_s:g} s only; "
            "leave window_s out"
        )
    return model


def _chosen_run_windows(model: OnnxModel) -> int:
    took_ms = measured_run_windows(model)
    best = best_run_windows(took_ms)
    told = ", ".join(f"{size}: {ms:.1f} ms" for size, ms in took_ms.items())
    log.info("engine: %d at a time is best here (a window takes, by windows at a time, %s)", best, told)
    return best

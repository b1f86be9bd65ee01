"""From settings to who scores: the models, loaded and proved, and the scorers that ask them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.cpu_team import CpuTeam
from daemon.device import wants_gpu
from daemon.engine import Crew
from daemon.errors import AcceleratorUnavailable, ModelRefused, SettingsError
from daemon.metrics import Metrics
from daemon.model import Model
from daemon.settings import EngineSettings, Settings
from daemon.team import Task, Team
from daemon.vocabulary import as_one, each_for_itself
from models.catalogue import ModelNotFound, resolve_model


def load_models(settings: Settings) -> tuple[Model, ...]:
    """The settings' models, checked.

    ModelRefused, AcceleratorUnavailable; SettingsError for a window that one cannot take, or models that cannot hear
    together.
    """
    team = _team(settings.engine)
    models = tuple(_load(name, team, settings) for name in settings.model_names)
    first = models[0].card
    for model in models[1:]:
        card = model.card
        if not card.hears_like(first):
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


def make_crew(models: Sequence[Model], settings: Settings, metrics: Metrics, measure: bool = False) -> Crew:
    """Who scores with `models`, which came from `load_models` with these settings.

    measure: take a moment to find out how this machine is fastest, where that is not set.
    """
    roster, merge = each_for_itself(models, settings.tags.all_labels), None
    if settings.model_results == "merged" and len(models) > 1:
        roster, merge = as_one(models, settings.tags.all_labels)
    task = Task(
        models=models,
        merge=merge,
        silence_dbfs=settings.windows.silence_dbfs,
        count_unusable=metrics.unusable_samples.inc,
        timed=metrics.stage_took,
        measure=measure,
        stages=metrics.stages,
    )
    scorers, limits = _team(settings.engine).scorers(task)
    return Crew(roster, scorers, limits)


def _team(settings: EngineSettings) -> Team[Any]:
    """Whoever runs models on the wanted device; its models are its own kind."""
    if not wants_gpu(settings.device):
        return CpuTeam(settings)
    try:
        from daemon.gpu.device import open_device  # torch is loaded where it is used
        from daemon.gpu.team import gpu_team
    except ImportError as error:
        raise AcceleratorUnavailable(
            f"engine.device={settings.device}: {error.name} is not installed; install genred[gpu] instead of "
            'genred[cpu], or set device = "cpu"'
        ) from error
    on_gpu = open_device(settings.device).type != "cpu"  # auto settles for less
    return gpu_team(settings) if on_gpu else CpuTeam(settings)


def _load(name: str, team: Team[Any], settings: Settings) -> Model:
    try:
        path = resolve_model(name)
    except ModelNotFound as error:
        raise ModelRefused(str(error)) from None
    model: Model = team.load(path)
    window_s = settings.windows.window_s or model.card.window_s
    if model.of_one_length and model.card.input_shape_of(window_s) != model.card.input_shape:
        raise SettingsError(
            f"windows.window_s={window_s:g}: model {model.card.name} takes windows of {model.card.window_s:g} s only; "
            "leave window_s out"
        )
    return model

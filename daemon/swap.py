"""New models while the daemon runs: loaded beside the old ones, proved, and put to work between two batches.

Whatever is wrong with them leaves the old ones serving.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.crew import load_models, make_crew
from daemon.engine import Crew, Engine
from daemon.errors import GenredError, SettingsError
from daemon.log_repeats import ANSWER
from daemon.metrics import Metrics
from daemon.model import Model
from daemon.own_thread import in_own_thread
from daemon.settings import Settings
from models.catalogue import resolve_model

log = logging.getLogger(__name__)

Models = Sequence[Model]
FileState = tuple[int, int, int, int]  # device, inode, size, time of change in ns


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a swap needs; `crew` None: the models serve already."""

    settings: Settings
    states: list[FileState | None]
    models: Models
    crew: Crew | None


class ModelSwap:
    """Swaps the engine's models on request, and when one of their files has changed. Lives on the event loop.

    reread: gives the settings as they are now; of these only the models are taken. on_swap: hears who serves now.
    on_reload: hears None when a request comes, and then what came of it.
    """

    def __init__(
        self,
        engine: Engine,
        models: Models,
        settings: Settings,
        reread: Callable[[], Settings],
        metrics: Metrics,
        on_swap: Callable[[Models], None],
        on_reload: Callable[[str | None], None] = lambda _outcome: None,
    ) -> None:
        self._engine, self._metrics, self._on_swap = engine, metrics, on_swap
        self._settings, self._reread = settings, reread
        self._models, self._on_reload = models, on_reload
        self._seen = _states(settings)
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Read the settings and the model files again, soon; from a signal handler, say."""
        self._on_reload(None)
        self._requested.set()

    async def run(self) -> None:
        """Serve requests and watch the files, until cancelled; models that are being loaded then are given up."""
        while True:
            requested = await self._requested_or_changed()
            self._seen = await in_own_thread(lambda: _states(self._settings))
            outcome = await self._swap(self._settings_now if requested else lambda: self._settings)
            if requested:
                self._on_reload(outcome)

    async def _requested_or_changed(self) -> bool:
        """Wait for a request (true), or for files that have changed and been still for a while (false)."""
        before = self._seen
        while True:
            try:
                await asyncio.wait_for(self._requested.wait(), self._settings.model_watch_s or None)
            except TimeoutError:
                now = await in_own_thread(lambda: _states(self._settings))
                if now != self._seen and now == before:  # whoever writes it has finished
                    return False
                before = now
            else:
                self._requested.clear()
                return True

    async def _swap(self, settings_now: Callable[[], Settings]) -> str:
        """Load and serve, or say why not; what came of it, in a line."""
        serving = _names(self._models)
        try:
            prepared = await in_own_thread(lambda: self._prepared(settings_now))
        except GenredError as error:
            self._metrics.model_reloads.labels("refused").inc()
            log.error("models: the new ones do not serve, %s goes on: %s", serving, error, extra=ANSWER)
            return f"refused: {error}"
        except Exception:  # a defect: nobody waits for this task, and the old models must go on
            self._metrics.model_reloads.labels("refused").inc()
            log.exception("models: the new ones do not serve, %s goes on", serving)
            return "refused: a defect, which is in the log"
        self._settings, self._seen = prepared.settings, prepared.states
        if prepared.crew is None:
            self._metrics.model_reloads.labels("unchanged").inc()
            log.info("models: nothing has changed, %s goes on", serving, extra=ANSWER)
            return f"nothing has changed: {serving}"
        self._engine.serve(prepared.crew)
        self._models = prepared.models
        self._on_swap(prepared.models)
        self._metrics.serving([model.id for model in prepared.models])
        self._metrics.model_reloads.labels("served").inc()
        log.info("models: from now on %s, in place of %s", _names(prepared.models), serving)
        return f"served: {_names(prepared.models)}"

    def _settings_now(self) -> Settings:
        """The settings on disk, of which only the models are taken."""
        now, fixed = self._reread(), ("model", "models", "model_results")
        taken = self._settings.model_copy(update={key: getattr(now, key) for key in fixed})
        others = [key for key in type(now).model_fields if getattr(now, key) != getattr(taken, key)]
        if others:
            log.warning("settings: %s changed; that takes a restart", ", ".join(others))
        return taken

    def _prepared(self, settings_now: Callable[[], Settings]) -> _Prepared:
        """The models that are wanted, proved, and their crew. Takes a while; GenredError when they cannot serve."""
        settings = settings_now()
        states = _states(settings)  # before they are read: a change meanwhile is seen next time
        models = load_models(settings)
        same_models = [model.id for model in models] == [model.id for model in self._models]
        if same_models and settings.model_results == self._settings.model_results:
            return _Prepared(settings, states, self._models, None)
        old, new = self._models[0].card, models[0].card
        if not old.hears_like(new):
            raise SettingsError(
                f"model {new.name} hears differently from {old.name} (front end or window): restart to change to it"
            )
        return _Prepared(settings, states, models, make_crew(models, settings, self._metrics, measure=True))


def _names(models: Models) -> str:
    return ", ".join(f"{model.id.name} {model.id.version} ({model.id.sha256[:8]})" for model in models)


def _states(settings: Settings) -> list[FileState | None]:
    """What tells that a model's file has changed; links are followed, as when a mounted volume is renewed."""
    return [_state(name) for name in settings.model_names]


def _state(name: str) -> FileState | None:
    try:
        found = resolve_model(name).stat()
    except OSError:
        return None  # being replaced, or gone: the old model goes on
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

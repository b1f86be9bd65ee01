"""What the daemon knows of its own health: facts recomputed at every question, never latched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from daemon.engine import Engine
from daemon.guard import Guard
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.model import Model
from daemon.pipeline import Pipeline
from daemon.sources.source import Feeder, Source
from daemon.sources.status import AT_WORK, TROUBLED, SourceState
from daemon.version import genred_version


class Health:
    """Answers `/livez`, `/readyz` and `/status` from the running parts."""

    def __init__(
        self,
        pipeline: Pipeline,
        engine: Engine,
        models: Sequence[Model],
        sources: Sequence[Source | Feeder],
        ledger: Ledger,
        metrics: Metrics,
        guard: Guard,
    ) -> None:
        self._pipeline, self._engine, self._sources = pipeline, engine, sources
        self._models = models
        self._ledger, self._metrics, self._guard = ledger, metrics, guard
        self._restarts_seen = [0] * len(sources)
        self.draining = False
        self.on_drain: Callable[[], None] = lambda: None
        self.last_reload: str | None = None  # what came of it
        self._started_s = time.monotonic()

    def serving(self, models: Sequence[Model]) -> None:
        """These models serve from now on."""
        self._models = models

    def drain(self) -> None:
        """The end has begun: no more readiness."""
        self.draining = True
        self.on_drain()

    def dead(self) -> str | None:
        """Why the process should be restarted; None while it makes progress, whatever others do."""
        if not self._engine.alive and not self.draining:  # at the end they are done
            return "a thread of the engine has ended"
        return self._guard.trouble()

    def unready(self) -> str | None:
        """Why no results can be expected; None when they can."""
        if self.draining:
            return "draining"
        dead = self.dead()
        if dead:
            return dead
        waiting = self._pipeline.trouble
        if waiting:
            return waiting
        states = {source.status.state for source in self._sources}
        if SourceState.RUNNING in states or states == {SourceState.ENDED}:
            return None
        if not self._sources:
            return "there are no sources"
        troubled = [f"{s.status.name} is {s.status.state}" for s in self._sources if s.status.state in TROUBLED]
        return "; ".join(troubled[:5]) or "no source has given audio yet"

    def line(self) -> str:
        """How it goes, for people."""
        unready = self.unready()
        factor = self._metrics.registry.get_sample_value("genred_realtime_factor") or 0.0
        return (
            f"{'ready' if unready is None else f'not ready: {unready}'}; {self._pipeline.live_streams} streams, "
            f"{self._pipeline.published_windows} windows, {factor:.0f} times real time"
        )

    def status(self) -> dict[str, Any]:
        """The `/status` document."""
        models = [{**each.id.as_json(), "path": str(each.path), "provider": each.provider} for each in self._models]
        return {
            "version": genred_version(),
            "uptime_seconds": round(time.monotonic() - self._started_s, 1),
            "live": self.dead() is None,
            "ready": self.unready() is None,
            "unready_because": self.unready(),
            "last_reload": self.last_reload,
            "loop_lag_seconds": round(self._guard.loop_lag_s, 3),
            "model": models[0],
            "models": models,
            "seconds": self._ledger.as_json(self._pipeline.in_flight_s),
            "streams": self._pipeline.live_streams,
            "windows": self._pipeline.published_windows,
            "queue_windows": self._engine.in_flight,
            "sources": [source.status.as_json() for source in self._sources],
        }

    def refresh_metrics(self) -> None:
        """Set the gauges that are facts of the moment, before a scrape."""
        self._metrics.audio_in_flight_seconds.set(self._pipeline.in_flight_s)
        self._metrics.live_streams.set(self._pipeline.live_streams)
        states = [source.status.state for source in self._sources]
        self._metrics.stalled_streams.set(sum(state in AT_WORK for state in states))
        self._metrics.failed_sources.set(states.count(SourceState.FAILED))
        for place, source in enumerate(self._sources):  # names may be the same: of files in two folders, say
            restarts = source.status.restarts
            self._metrics.source_restarts.labels(source.status.kind).inc(restarts - self._restarts_seen[place])
            self._restarts_seen[place] = restarts

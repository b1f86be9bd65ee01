"""What is booked when a window's results have been acknowledged."""

from __future__ import annotations

import time

from daemon.engine import Engine
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow
from daemon.stages import Stage


class Accounts:
    """Closes the books on windows, and makes room for others."""

    def __init__(self, engine: Engine, ledger: Ledger, metrics: Metrics) -> None:
        self._engine, self._ledger, self._metrics = engine, ledger, metrics
        self._tagged, self._silent = metrics.windows.labels("tagged"), metrics.windows.labels("silent")
        self.published_windows = 0

    def published(self, scored: ScoredWindow) -> None:
        """Every sink has acknowledged the results of `scored`."""
        metrics, silent, now_s = self._metrics, scored.scores is None, time.time()
        self._ledger.publish(scored.window, silent)
        self._engine.release(scored.window)
        (self._silent if silent else self._tagged).inc()
        best: str | None = None
        if scored.scores is not None:
            voice = scored.roster.main
            best = voice.genres[int(scored.scores[list(voice.genre_picks)].argmax())]
            metrics.genre_windows.labels(best).inc()
        metrics.stages.ended(Stage.PUBLISH, (scored.window,))
        latency_s = max(0.0, now_s - scored.window.end_at_s)
        metrics.end_to_end_latency_seconds.observe(latency_s, self._exemplar(scored, best))
        if metrics.streams.most:
            metrics.streams.published(scored.window.stream, scored.window.end_at_s, now_s)
        metrics.last_window_published_timestamp_seconds.set(now_s)
        self.published_windows += 1

    def given_up(self, scored: ScoredWindow, reason: str) -> None:
        """The window's results are not this process's to publish any more."""
        self._ledger.drop(reason, scored.window.fresh_s)
        self._engine.release(scored.window)
        stages = self._metrics.stages
        stages.ended(Stage.PUBLISH, (scored.window,))
        if stages.watcher is not None:
            stages.watcher.given_up(scored.window)

    def _exemplar(self, scored: ScoredWindow, best: str | None) -> dict[str, str] | None:
        """The window's trace, where it is traced."""
        watcher = self._metrics.stages.watcher
        if watcher is None:
            return None
        trace_id = watcher.published(scored.window, scored.roster.main.model.name, best)
        return None if trace_id is None else {"trace_id": trace_id}

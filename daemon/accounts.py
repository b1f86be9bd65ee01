"""What is booked when a window's results have been acknowledged."""

from __future__ import annotations

import time

from daemon.engine import Engine
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.scoring import ScoredWindow


class Accounts:
    """Closes the books on windows, and makes room for others."""

    def __init__(self, engine: Engine, ledger: Ledger, metrics: Metrics) -> None:
        self._engine, self._ledger, self._metrics = engine, ledger, metrics
        self.published_windows = 0

    def published(self, scored: ScoredWindow) -> None:
        """Every sink has acknowledged the results of `scored`."""
        metrics, silent, now_s = self._metrics, scored.scores is None, time.time()
        self._ledger.publish(scored.window, silent)
        self._engine.release(scored.window)
        metrics.windows.labels("silent" if silent else "tagged").inc()
        if scored.scores is not None:
            voice = scored.roster.main
            best = voice.genres[int(scored.scores[list(voice.genre_picks)].argmax())]
            metrics.genre_windows.labels(best).inc()
        metrics.end_to_end_latency_seconds.observe(max(0.0, now_s - scored.window.end_at_s))
        metrics.last_window_published_timestamp_seconds.set(now_s)
        self.published_windows += 1

    def given_up(self, scored: ScoredWindow, reason: str) -> None:
        """The window's results are not this process's to publish any more."""
        self._ledger.drop(reason, scored.window.fresh_s)
        self._engine.release(scored.window)

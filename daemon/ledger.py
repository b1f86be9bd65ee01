"""Conservation of seconds: received is tagged, silent, lost to a gap, dropped for a reason, or in flight."""

from __future__ import annotations

import threading
from collections import defaultdict

from daemon.cuts import Loss, LossReason, Missing, Window
from daemon.messages import AudioChunk
from daemon.metrics import Metrics


class Ledger:
    """Where the seconds of all streams went. Totals are kept beside the metrics so that `/status` can show them.

    `overrun` may be called from any thread; the rest belongs to the event loop.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self.received_s = 0.0
        self.tagged_s = 0.0
        self.silent_s = 0.0
        self.gap_s = 0.0
        self.missing_s = 0.0
        self.dropped_s: defaultdict[str, float] = defaultdict(float)

    def receive(self, seconds: float) -> None:
        """Audio has come in."""
        with self._lock:
            self.received_s += seconds
        self._metrics.audio_received_seconds.inc(seconds)

    def publish(self, window: Window, silent: bool) -> None:
        """A window's result has been acknowledged."""
        if silent:
            self.silent_s += window.fresh_s
            self._metrics.audio_silent_seconds.inc(window.fresh_s)
        else:
            self.tagged_s += window.fresh_s
            self._metrics.audio_tagged_seconds.inc(window.fresh_s)

    def lose(self, loss: Loss, sample_rate_hz: int) -> None:
        """Received audio that no window will hold."""
        seconds = loss.frames / sample_rate_hz
        if loss.reason is LossReason.GAP:
            self.gap_s += seconds
            self._metrics.audio_gap_seconds.inc(seconds)
        else:
            self.drop(loss.reason.value, seconds)

    def drop(self, reason: str, seconds: float) -> None:
        """Received audio is given up."""
        with self._lock:
            self.dropped_s[reason] += seconds
        self._metrics.audio_dropped_seconds.labels(reason).inc(seconds)

    def overrun(self, chunk: AudioChunk) -> None:
        """A live source gave up its oldest audio, which the pipeline never saw."""
        self.receive(chunk.seconds)
        self.drop("overrun", chunk.seconds)

    def miss(self, missing: Missing, sample_rate_hz: int) -> None:
        """Audio that never came; not part of the balance."""
        seconds = missing.frames / sample_rate_hz
        self.missing_s += seconds
        self._metrics.audio_missing_seconds.labels("filled" if missing.filled else "untagged").inc(seconds)

    def unaccounted_s(self, in_flight_s: float) -> float:
        """Received seconds that nothing explains: zero, but for rounding, or there is a defect."""
        explained = self.tagged_s + self.silent_s + self.gap_s + sum(self.dropped_s.values()) + in_flight_s
        return self.received_s - explained

    def as_json(self, in_flight_s: float) -> dict[str, object]:
        """The `seconds` object of `/status`."""
        return {
            "received": round(self.received_s, 3),
            "tagged": round(self.tagged_s, 3),
            "silent": round(self.silent_s, 3),
            "gap": round(self.gap_s, 3),
            "dropped": {reason: round(seconds, 3) for reason, seconds in sorted(self.dropped_s.items())},
            "in_flight": round(in_flight_s, 3),
            "unaccounted": round(self.unaccounted_s(in_flight_s), 3) + 0.0,  # no minus zero
            "missing": round(self.missing_s, 3),
        }

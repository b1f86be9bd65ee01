"""Where captured audio belongs on its stream's time line, when the sound system does not say what it lost. Pure."""

from __future__ import annotations

WATCH_S = 2.0  # a shortfall must last this long: a server may deliver in bursts, late but whole
LOSS_S = 0.25  # a smaller shortfall is jitter
DRIFT = 500e-6  # a sound card's clock may run this much slower than ours without having lost anything


class FrameClock:
    """Counts frames against a monotonic clock, and advances the count where frames went missing.

    The *lag* of a delivery is how much later it comes than its place in the count. Deliveries jitter, but only ever
    late, so the least lag over `WATCH_S` is the delay of the path; when that steps up by `LOSS_S`, frames were lost.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._next = 0  # frames
        self._origin_s = 0.0  # clock time of frame 0, had it been delivered with the least lag
        self._begun = False
        self._watch_from_s = 0.0
        self._least_lag_s = float("inf")
        self._resuming = False
        self.lost_frames = 0  # frames that the count was advanced by, in all

    def place(self, delivered_s: float, frames: int, skipped: int = 0) -> int:
        """The position of the first of `frames` frames delivered at `delivered_s`; `skipped` more are known lost."""
        if not self._begun:
            self._begun = True
            self._origin_s = delivered_s - frames / self._rate
            self._watch_from_s = delivered_s
        self._advance(skipped)
        if self._resuming:
            self._resume(delivered_s, frames)
        self._watch(delivered_s, frames)
        position = self._next
        self._next += frames
        return position

    def time_of(self, position: int) -> float:
        """The clock time at which frame `position` was captured (as early as its delivery can prove)."""
        return self._origin_s + position / self._rate

    def resume(self) -> None:
        """The device was closed: the next delivery is placed by the clock, not by the count."""
        self._resuming = True

    def _resume(self, delivered_s: float, frames: int) -> None:
        self._resuming = False
        self._advance(round(self._lag(delivered_s, frames) * self._rate))
        self._restart_watch(delivered_s)

    def _watch(self, delivered_s: float, frames: int) -> None:
        watched_s = delivered_s - self._watch_from_s
        if watched_s >= WATCH_S:
            # Judged without this delivery: it may be the first, late one of a burst that brings all that seems lost.
            self._judge(watched_s)
            self._restart_watch(delivered_s)
        lag_s = self._lag(delivered_s, frames)
        if lag_s < 0:
            self._origin_s += lag_s  # earlier than any before: a better estimate of the origin
            lag_s = 0.0
        self._least_lag_s = min(self._least_lag_s, lag_s)

    def _judge(self, watched_s: float) -> None:
        if self._least_lag_s == float("inf"):
            return
        if self._least_lag_s > LOSS_S:
            self._advance(round(self._least_lag_s * self._rate))
        else:
            self._origin_s += min(self._least_lag_s, DRIFT * watched_s)

    def _restart_watch(self, delivered_s: float) -> None:
        self._watch_from_s = delivered_s
        self._least_lag_s = float("inf")

    def _lag(self, delivered_s: float, frames: int) -> float:
        return delivered_s - self.time_of(self._next + frames)

    def _advance(self, frames: int) -> None:
        if frames > 0:
            self._next += frames
            self.lost_frames += frames

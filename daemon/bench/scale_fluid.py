"""The partitions of a group as a fluid: audio flows in at its own pace and out at what the workers can do. Pure.

A partition's `lag_s` is how far its results are behind, in seconds of its streams' time. A worker that can do more than
what flows in gives the rest to its partitions that lag, in proportion to what flows into them: so their lags shrink by
the same seconds. One that can do less lets all its partitions fall behind alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.bench.scale_latency import Floats, Latencies

TINY_S = 1e-9
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Partitions:
    """Lags of all partitions of a group, and the account of their windows.

    `streams`: streams of each partition; `capacity`: streams that a worker can do in real time; `owner`: the worker of
    each partition, -1 for none.
    """

    def __init__(
        self, streams: Floats, owner: Ints, workers: int, capacity: float, hop_s: float, retention_s: float
    ) -> None:
        self.streams, self.owner, self.workers, self.capacity = streams, owner.copy(), workers, capacity
        self.lag_s = np.zeros(len(streams))
        self.now_s = np.zeros(len(streams))
        self.longest_lag_s = 0.0
        self.latencies = Latencies()
        self.windows_lost = 0.0
        self._window_hz, self._retention_s = streams / hop_s, retention_s

    @property
    def windows_in(self) -> float:
        """Windows whose audio has come."""
        return float(self._window_hz @ self.now_s)

    @property
    def windows_out(self) -> float:
        """Windows that were tagged."""
        return self.latencies.windows

    @property
    def backlog(self) -> float:
        """Windows that wait."""
        return float(self._window_hz @ self.lag_s)

    def stand_still(self, until_s: Floats, which: Flags) -> None:
        """Nothing of the partitions `which` is worked on until their `until_s` (seconds)."""
        waited_s = np.where(which, np.maximum(0.0, until_s - self.now_s), 0.0)
        self.lag_s += waited_s
        self.now_s += waited_s
        self._forget()

    def flow(self, until_s: Floats, which: Flags | None = None) -> None:
        """Work until `until_s`, seconds, for each partition (the same for all of one worker); `which`: these alone."""
        served = self.owner >= 0 if which is None else which & (self.owner >= 0)
        left_s = np.where(served, np.maximum(0.0, until_s - self.now_s), 0.0)
        load = np.bincount(self.owner[served], weights=self.streams[served], minlength=self.workers)
        busy = load > self.capacity
        busy[self.owner[served & (self.lag_s > 0)]] = True
        prompt = served & ~busy[self.owner]  # nothing waits, nor will
        self.latencies.add_prompt(float(self._window_hz[prompt] @ left_s[prompt]))
        self.now_s[prompt] += left_s[prompt]
        rest = np.flatnonzero(served & ~prompt & (left_s > TINY_S))
        if len(rest):
            self._work(rest, left_s[rest])
            self._forget()

    def _work(self, which: Ints, left_s: Floats) -> None:
        """Work `left_s` seconds on the partitions `which` of workers that are, or get, behind."""
        workers, owner = np.unique(self.owner[which], return_inverse=True)
        streams, window_hz, lag_s = self.streams[which], self._window_hz[which], self.lag_s[which]
        self.now_s[which] += left_s
        spare = self.capacity - np.bincount(owner, weights=streams)
        while (going := left_s > TINY_S).any():
            lagging = going & ((lag_s > 0) | (spare[owner] < 0))
            behind = np.bincount(owner, weights=np.where(lagging, streams, 0.0), minlength=len(workers))
            speed = np.divide(spare, behind, out=np.zeros(len(workers)), where=behind > 0)  # of the lags, s/s
            least_s = np.full(len(workers), np.inf)
            np.minimum.at(least_s, owner[lagging], lag_s[lagging])
            # A phase ends when the first lag of the worker is gone: all of its partitions keep one clock.
            phase_s = np.divide(least_s, speed, out=np.full(len(workers), np.inf), where=speed > 0)
            took_s = np.where(going, np.minimum(left_s, phase_s[owner]), 0.0)
            then_s = np.where(lagging, np.maximum(0.0, lag_s - speed[owner] * took_s), lag_s)
            then_s[then_s < TINY_S] = 0.0
            done = window_hz * (took_s + lag_s - then_s)
            some = done > 0
            self.latencies.add(np.minimum(lag_s, then_s)[some], np.maximum(lag_s, then_s)[some], done[some])
            lag_s, left_s = then_s, left_s - took_s
        self.lag_s[which] = lag_s

    def _forget(self) -> None:
        """What is older than the topic's retention is gone: the one way in which audio is lost."""
        gone_s = np.maximum(0.0, self.lag_s - self._retention_s)
        self.windows_lost += float(self._window_hz @ gone_s)
        self.lag_s -= gone_s
        self.longest_lag_s = max(self.longest_lag_s, float(self.lag_s.max(initial=0.0)))

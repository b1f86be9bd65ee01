"""The tempo of a window: at which lag its onsets repeat themselves.

librosa.feature.tempo's estimate: the autocorrelation of up to 8 s of onset strength around every frame, each over its
maximum; their mean, weighted with a log-normal prior around 120 beats a minute (D. P. W. Ellis, Beat tracking by
dynamic programming, 2007). In double precision, because the choice among lags must not depend on rounding.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

EMPHASIS: Final = 1e6  # of the autocorrelation, before its logarithm

_REACH_S: Final = 8.0
_PRIOR_BPM: Final = 120.0
_MAX_BPM: Final = 320.0
_ODD_FACTORS: Final = (1, 3, 5, 9, 15, 27, 45, 75)


@dataclass(frozen=True, slots=True)
class TempoScale:
    """What of it depends on the frame rate alone.

    window: float64 (n_lags,), over the frames that are correlated. n_points: of the transform. bpm: float64 (n_lags,)
    of each lag; log_prior: its weight.
    """

    window: Doubles
    n_points: int
    bpm: Doubles
    log_prior: Doubles


@lru_cache(8)
def tempo_scale(spec: FrontEnd) -> TempoScale:
    """For frames `frame_hop` apart; the same object each time, to be read only."""
    frames_per_s = spec.sample_rate_hz / spec.frame_hop
    n_lags = max(2, int(_REACH_S * frames_per_s))
    bpm = 60 * frames_per_s / np.maximum(np.arange(n_lags), 0.5)
    log_prior = -0.5 * np.log2(bpm / _PRIOR_BPM) ** 2
    too_fast = bpm >= _MAX_BPM
    too_fast[0] = True  # a lag of nothing
    log_prior[too_fast] = -np.inf
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_lags) / n_lags)
    return TempoScale(window, _fast_length(2 * n_lags - 1), bpm, log_prior)


def tempo_of(onsets: Floats, scale: TempoScale) -> float:
    """Onset strengths (n_frames,) -> beats a minute; 120 or next to it where there are none."""
    n_lags = len(scale.window)
    half = n_lags // 2
    ramp = np.arange(half) / half
    around = np.concatenate([ramp * onsets[0], onsets, (ramp * onsets[-1])[::-1]])
    runs = np.lib.stride_tricks.sliding_window_view(around, n_lags)[: len(onsets)] * scale.window
    energy = np.square(runs).sum(axis=1, keepdims=True)  # lag 0, where an autocorrelation has its maximum
    power = np.square(np.abs(np.fft.rfft(runs, scale.n_points)))
    share = np.divide(power, energy, out=np.zeros_like(power), where=energy >= np.finfo(np.float64).tiny)
    correlation = np.fft.irfft(share.mean(axis=0), scale.n_points)[:n_lags]
    best = int(np.argmax(np.log1p(EMPHASIS * np.maximum(correlation, 0)) + scale.log_prior))
    return float(scale.bpm[best])


def _fast_length(n: int) -> int:
    """The least length from n on of those that transform fast."""
    return min(factor << max(0, -(-n // factor) - 1).bit_length() for factor in _ODD_FACTORS)

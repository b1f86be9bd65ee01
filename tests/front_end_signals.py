"""Signals that front ends are tried on: chords, drums, noise, quiet and silence, and all the way up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def chords(n_samples: int, rate_hz: int) -> Floats:
    """Three notes with partials, another three every half second, as 16 bits (dithered) have them."""
    at_s = np.arange(n_samples) / rate_hz
    roots = np.array([57, 53, 60, 55])[(2 * at_s).astype(int) % 4]
    tones = np.zeros(n_samples)
    for step in (0, 4, 7):
        phase = 2 * np.pi * np.cumsum(440 * 2 ** ((roots + step - 69) / 12)) / rate_hz
        tones += sum(np.sin(n * phase) / n**1.5 for n in range(1, 9))
    steps = 32_767 * 0.12 * tones * np.exp(-2 * (2 * at_s % 1)) + np.random.default_rng(3).uniform(-1, 1, n_samples)
    return (np.rint(steps) / 32_768).astype(np.float32)


def drums(n_samples: int, rate_hz: int, bpm: float = 120.0) -> Floats:
    """Bursts of noise on the beat, every other one over a low thump, in a little noise."""
    rng = np.random.default_rng(1)
    beat = np.arange(n_samples) / rate_hz * bpm / 60
    thump = np.sin(2 * np.pi * 70 * beat * 60 / bpm) * np.exp(-6 * (beat % 2))
    burst = rng.normal(size=n_samples) * np.exp(-12 * (beat % 1))
    return (0.4 * thump + 0.1 * burst + 1e-3 * rng.normal(size=n_samples)).astype(np.float32)


def noise(n_samples: int) -> Floats:
    """White."""
    return (0.1 * np.random.default_rng(2).normal(size=n_samples)).astype(np.float32)


def mixed(n_samples: int, rate_hz: int) -> Floats:
    """Chords and drums, a part of it near silence and a part in silence."""
    both = chords(n_samples, rate_hz) + drums(n_samples, rate_hz)
    both[n_samples // 3 : n_samples // 2] *= np.float32(1e-3)
    both[n_samples // 2 : n_samples * 2 // 3] = 0
    return both


def all_signals(n_samples: int, rate_hz: int) -> Floats:
    """float32 (5, n_samples): chords, drums, noise, all of them with quiet and silence between, and silence."""
    mix = mixed(n_samples, rate_hz)
    signals = [chords(n_samples, rate_hz), drums(n_samples, rate_hz), noise(n_samples), mix]
    return np.stack([*signals, np.zeros(n_samples, np.float32)])

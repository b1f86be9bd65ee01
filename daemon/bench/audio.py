"""Ten minutes of something like music, made the same every time, written as a FLAC file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

RATE_HZ = 44_100
BAR_S = 2.0
ROOTS_HZ = (110.0, 146.83, 98.0, 130.81)


def write_music(path: Path, seconds: float) -> Path:
    """Write `seconds` of 44.1 kHz stereo 16-bit FLAC: chords, a bass, noise drums."""
    rng = np.random.default_rng(2026)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="stereo", format="s16")
        for bar in range(round(seconds / BAR_S)):
            frame = av.AudioFrame.from_ndarray(_bar(bar, rng), format="s16", layout="stereo")
            frame.sample_rate = RATE_HZ
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _bar(number: int, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """One bar, int16 (1, 2 * frames) as PyAV's packed layout."""
    time_s = np.arange(round(BAR_S * RATE_HZ)) / RATE_HZ
    root_hz = ROOTS_HZ[number % len(ROOTS_HZ)]
    chord = sum(np.sin(2 * np.pi * root_hz * ratio * time_s) / ratio for ratio in (1, 1.25, 1.5, 2, 3, 5))
    beat = np.exp(-12 * (time_s % 0.5))
    drums = beat * rng.standard_normal(len(time_s))
    left, right = 0.1 * chord + 0.12 * drums, 0.1 * np.roll(chord, 40) + 0.1 * drums
    samples = np.clip(np.stack([left, right], axis=1), -1, 1) * 32767
    return samples.astype(np.int16).reshape(1, -1)

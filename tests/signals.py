"""Audio whose content says where in it one is, and how to write it."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

TONES_HZ = (220.0, 1200.0, 5000.0)  # in the bands low, middle, high of the tiny model


def tones(seconds: float, rate_hz: int, every_s: float = 6.0, channels: int = 1) -> npt.NDArray[np.int16]:
    """A tone that moves through the bands every `every_s` seconds, int16 (frames, channels)."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    place = (time_s // every_s).astype(int) % len(TONES_HZ)
    phase = 2 * np.pi * np.cumsum(np.take(TONES_HZ, place)) / rate_hz
    tone = 0.5 * np.sin(phase) + 0.01 * np.sin(2 * np.pi * 333.3 * time_s)
    return np.repeat((tone * 32767).astype("<i2")[:, np.newaxis], channels, axis=1)


def write_wav(path: Path, samples: npt.NDArray[np.int16], rate_hz: int) -> Path:
    """Write int16 samples (frames, channels) as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path

"""Something like music as PCM, the same every time."""

from __future__ import annotations

import numpy as np

from daemon.audio_format import AudioFormat

MUSIC_S = 20.0  # of chords and a beat of noise, of which each stream takes another turn


def music_pcm(audio_format: AudioFormat) -> bytes:
    """PCM of MUSIC_S seconds, 16-bit as `audio_format` must be."""
    rate_hz = audio_format.sample_rate_hz
    rng = np.random.default_rng(2026)
    time_s = np.arange(round(MUSIC_S * rate_hz)) / rate_hz
    chord = sum(np.sin(2 * np.pi * pitch_hz * time_s) for pitch_hz in (110.0, 220.5, 329.6, 880.0, 2637.0))
    beat = rng.normal(0, 1, len(time_s)) * np.exp(-8 * (time_s % 0.5))
    mono = 0.1 * chord + 0.15 * beat
    samples = np.repeat(mono[:, np.newaxis], audio_format.channels, axis=1)
    packed: bytes = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return packed

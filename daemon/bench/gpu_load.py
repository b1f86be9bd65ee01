"""Windows as many streams in real time bring them: a batch has one new block of each stream, and the one before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cuts import HopBlock, Window
from daemon.grid import Grid, make_grid
from models.card import Card

_STRETCHES = 128  # different 2 s of audio: together larger than a processor's caches, as real streams are


def load_format(rate_hz: int, channels: int) -> AudioFormat:
    """16-bit PCM."""
    return AudioFormat(SampleFormat.S16LE, rate_hz, channels)


def block_bytes(audio_format: AudioFormat, grid: Grid) -> int:
    """What a block sends over the bus."""
    return (grid.left_frames + grid.hop_frames + grid.right_frames) * audio_format.frame_bytes


def steady_batches(card: Card, audio_format: AudioFormat, batch: int, count: int) -> list[list[Window]]:
    """`count` batches, one window of each of `batch` streams in each."""
    grid = make_grid(audio_format.sample_rate_hz, card.front_end, card.window_s, card.hop_s, 0.05)
    different = min(_STRETCHES, 2 * batch)
    stretches = [_music(number, audio_format, grid).tobytes() for number in range(different)]
    latest = [HopBlock(0, stretches[stream % different]) for stream in range(batch)]
    batches = []
    for number in range(count):
        fresh = [HopBlock(number + 1, stretches[(stream + 7 * number + 1) % different]) for stream in range(batch)]
        batches.append(
            [
                Window(str(stream), "bench", number, grid, audio_format, blocks, grid.hop_frames, 0, 0.0)
                for stream, blocks in enumerate(zip(latest, fresh, strict=True))
            ]
        )
        latest = fresh
    return batches


def _music(number: int, audio_format: AudioFormat, grid: Grid) -> npt.NDArray[np.int16]:
    """A chord and a beat of noise, int16 (frames, channels); another for each `number`."""
    rng = np.random.default_rng(number)
    frames = grid.left_frames + grid.hop_frames + grid.right_frames
    time_s = np.arange(frames) / audio_format.sample_rate_hz
    root_hz = 55 * 2 ** rng.uniform(0, 3)
    chord = sum(np.sin(2 * np.pi * root_hz * ratio * time_s) / ratio for ratio in (1, 1.25, 1.5, 2, 3, 5))
    drums = np.exp(-12 * (time_s % 0.5)) * rng.standard_normal(frames)
    mono = np.clip(0.1 * chord + 0.12 * drums, -1, 1) * 32767
    return np.repeat(mono.astype("<i2")[:, np.newaxis], audio_format.channels, axis=1)

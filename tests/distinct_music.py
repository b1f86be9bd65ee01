"""Three kinds of music that cannot be mistaken for one another, by any ear: held chords, drums, quick high notes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.clip import Clip, Split
from export.data.music_set import MusicSet, write_music_set
from models.card import Label
from tests.signals import write_wav

RATE_HZ: Final = 22_050
CLIP_S: Final = 12.0
CLIPS: Final[dict[Split, int]] = {"train": 4, "validation": 1, "test": 1}  # of each label

Samples = npt.NDArray[np.float64]


def chords(random: np.random.Generator) -> Samples:
    """A low triad that is held for two seconds at a time."""
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    steps = random.integers(0, 5, round(CLIP_S / 2))
    root_hz = random.uniform(98, 131) * 2 ** (steps[(time_s // 2).astype(int)] / 12)
    tones = [np.sin(2 * np.pi * np.cumsum(root_hz * ratio) / RATE_HZ) for ratio in (1, 1.25, 1.5)]
    summed: Samples = np.sum(tones, axis=0)
    return summed


def drums(random: np.random.Generator) -> Samples:
    """Bursts of noise, some 150 a minute."""
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    beat_s = 60 / random.uniform(140, 160)
    return 3 * random.standard_normal(len(time_s)) * np.exp(-(time_s % beat_s) / 0.03)


def whistle(random: np.random.Generator) -> Samples:
    """High notes of a scale, six a second."""
    time_s = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    scale = np.array([0, 2, 4, 7, 9, 12])
    notes = scale[random.integers(0, len(scale), 6 * round(CLIP_S) + 1)]
    hz = random.uniform(1400, 1800) * 2 ** (notes[(time_s * 6).astype(int)] / 12)
    return 2 * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-(time_s * 6 % 1))


KINDS: Final[dict[str, Callable[[np.random.Generator], Samples]]] = {
    "chords": chords,
    "drums": drums,
    "whistle": whistle,
}


def make_distinct_set(folder: Path, seed: int = 0) -> MusicSet:
    """A written music set of `CLIPS` clips of each kind, 16-bit mono WAV."""
    random = np.random.default_rng(seed)
    clips = [
        _clip(folder, label, split, number, random)
        for label in KINDS
        for split, count in CLIPS.items()
        for number in range(count)
    ]
    music = MusicSet(folder, tuple(clips), tuple(Label(label, "genre") for label in KINDS), False)
    write_music_set(music)
    return music


def _clip(folder: Path, label: str, split: Split, number: int, random: np.random.Generator) -> Clip:
    samples = KINDS[label](random) * random.uniform(0.1, 0.2)
    samples += 0.003 * random.standard_normal(len(samples))
    path = folder / "music" / f"{label}-{split}-{number}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, (samples.clip(-1, 1) * 32767).astype("<i2")[:, np.newaxis], RATE_HZ)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Clip(path, (label,), f"artist {label} {split} {number}", split, sha256)

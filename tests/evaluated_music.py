"""Small sets of tones for evaluations: labels are bands of pitch, which the tiny model tells apart, mostly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from export.data.clip import Clip, Split
from export.data.music_set import MusicSet, write_music_set
from models.card import Label
from tests.signals import write_wav

RATE_HZ = 16_000
BANDS_HZ = {"low": (150, 500), "middle": (900, 2200), "high": (3500, 7000)}
PART_S, PARTS = 4, 2  # of a clip; each part may sound like another label


def write_tones(path: Path, labels: tuple[str, ...], seed: int, strays: float = 0.0, parts: int = PARTS) -> Path:
    """Parts of tones, each of one of `labels`, or with the chance `strays` of any other; over a little noise."""
    random = np.random.default_rng(seed)
    time_s = np.arange(PART_S * RATE_HZ) / RATE_HZ
    pieces = []
    for part in range(parts):
        label = random.choice(list(BANDS_HZ)) if random.random() < strays else labels[part % len(labels)]
        pieces.append(0.3 * np.sin(2 * np.pi * random.uniform(*BANDS_HZ[label]) * time_s))
    sound = np.concatenate(pieces)
    sound += 0.02 * random.standard_normal(len(sound))
    return write_wav(path, (sound * 32767).astype("<i2")[:, np.newaxis], RATE_HZ)


def tone_clips(folder: Path, split: Split, each: int, strays: float, seed: int = 0) -> list[Clip]:
    """So many clips of each label."""
    found = []
    for place, label in enumerate(BANDS_HZ):
        for n in range(each):
            path = folder / f"{split}-{label}-{n}.wav"
            number = seed + 1000 * place + n + (500 if split == "test" else 0)
            found.append(Clip(write_tones(path, (label,), number, strays), (label,), split=split))
    return found


def tone_set(
    folder: Path, clips: list[Clip], labels: tuple[str, ...] = tuple(BANDS_HZ), multi: bool = False
) -> MusicSet:
    """The set of these clips, written to `folder`."""
    music = MusicSet(folder, tuple(clips), tuple(Label(name, "genre") for name in labels), multi)
    write_music_set(music)
    return music

"""Many small recordings, and the small front end that hears them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.data.cache import sha256_of
from export.data.clip import Clip
from export.data.recipe import Recipe
from models.front_ends.spec import FrontEnd
from tests.signals import write_wav

RATE_HZ = 8_000
FRONT_END = FrontEnd(RATE_HZ, 256, 200, 16, 0.0, 4_000.0, "db", "window")
RECIPE = Recipe(FRONT_END, window_s=1.0, hop_s=0.5)  # windows of 40 x 16


def write_clip(path: Path, seconds: float, labels: Sequence[str] = ("a",), seed: int = 0, silent_s: float = 0) -> Clip:
    """A recording of notes of its own; its first `silent_s` seconds are silent."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    notes = rng.uniform(100, 3_500, 64)[(at_s * 8).astype(int) % 64]
    audio = 0.3 * np.sin(2 * np.pi * np.cumsum(notes) / RATE_HZ) + 0.01 * rng.normal(size=len(at_s))
    audio[: round(silent_s * RATE_HZ)] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, (audio * 32_767).astype("<i2")[:, np.newaxis], RATE_HZ)
    return Clip(path, tuple(labels), sha256=sha256_of(path))


def write_clips(folder: Path, seconds: Sequence[float], labels: Sequence[str] = "ab") -> list[Clip]:
    """A clip for each length, labels in turn."""
    return [
        write_clip(folder / f"{number:04}.wav", length, (labels[number % len(labels)],), number)
        for number, length in enumerate(seconds)
    ]

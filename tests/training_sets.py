"""Music that a tiny network learns in seconds: tones under noise, and settings to go with it."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import Any, Final

import numpy as np

from export.data.clip import SPLITS, Clip, Split
from export.data.music_set import MusicSet, write_music_set
from export.train.settings import TrainSettings
from models.card import Label

RATE_HZ: Final = 8000
LABELS: Final = ("low", "middle", "high")
_TONES_HZ: Final = {"low": 220.0, "middle": 800.0, "high": 2500.0}
# 32 frames x 16 mels a window, a hop a second
SETTINGS: Final[dict[str, Any]] = {
    "network": "spectrogram-cnn",
    "network_options": {"widths": "4,6", "pool": 2, "hidden": 8, "dropout": 0.1},
    "front_end": {
        "sample_rate_hz": RATE_HZ,
        "n_fft": 512,
        "frame_hop": 500,
        "n_mels": 16,
        "f_min_hz": 0.0,
        "f_max_hz": 4000.0,
        "scaling": "db",
        "normalisation": "window",
    },
    "window_s": 2.0,
    "hop_s": 1.0,
    "epochs": 3,
    "batch_size": 8,
    "device": "cpu",
    "optimiser": {"learning_rate": 0.01},
}


def settings(**changes: Any) -> TrainSettings:
    """SETTINGS with some of them changed; a table's keys one by one."""
    table = {key: dict(value) if isinstance(value, dict) else value for key, value in SETTINGS.items()}
    for key, value in changes.items():
        table[key] = {**table.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainSettings.model_validate(table)


def make_set(
    folder: Path,
    *,
    multi_label: bool = False,
    clips_per_label: int = 6,
    seconds: float = 6.0,
    labels: tuple[str, ...] = LABELS,
    seed: int = 0,
) -> MusicSet:
    """A written music set: of each label two thirds to train on, one clip to test; of several labels every other clip
    has the next one too.
    """
    random = np.random.default_rng(seed)
    clips = []
    for place, label in enumerate(labels):
        for number in range(clips_per_label):
            both = (label, labels[(place + 1) % len(labels)]) if multi_label and number % 2 else (label,)
            path = folder / "music" / f"{label}-{number}.wav"
            write_tones(path, both, seconds, random)
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            clips.append(Clip(path, both, f"artist {label} {number}", _split(number, clips_per_label), sha256))
    music = MusicSet(folder, tuple(clips), tuple(Label(label, "genre") for label in labels), multi_label)
    write_music_set(music)
    return music


def write_tones(path: Path, labels: tuple[str, ...], seconds: float, random: np.random.Generator) -> None:
    """A mono WAV with each label's tone, wavering, under noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = 0.05 * random.standard_normal(len(time_s))
    for label in labels:
        hz = _TONES_HZ[label] * random.uniform(0.9, 1.1)
        samples += 0.2 * np.sin(2 * np.pi * hz * time_s + np.sin(5 * time_s)) * random.uniform(0.5, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((samples.clip(-1, 1) * 32767).astype("<i2").tobytes())


def _split(number: int, of: int) -> Split:
    return SPLITS[0] if number < of - 2 else SPLITS[1 if number == of - 2 else 2]

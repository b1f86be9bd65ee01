"""A recording and what is known of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Split = Literal["train", "validation", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Clip:
    """One audio file (or, of data sets of pictures, one spectrogram image).

    labels: after any label map; empty for music that only a teacher listens to.
    artist: None when unknown. split: None until one is assigned.
    sha256: of the file's bytes, hex; recording: the same for files that hold the same audio (a fingerprint's group).
    """

    path: Path
    labels: tuple[str, ...] = ()
    artist: str | None = None
    split: Split | None = None
    sha256: str | None = None
    recording: str | None = None
    duration_s: float | None = None

"""What a source of music says it has, before any of it is decoded."""

from dataclasses import dataclass
from pathlib import Path

from export.data.clip import Clip


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not taken, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Clips with the labels, artists and splits that the source gives them.

    promised: labels that the source names, whether or not it has clips of them (an empty folder of a genre).
    pictures: the clips are spectrogram images. notes: what the user should know, a sentence each.
    """

    clips: tuple[Clip, ...]
    skipped: tuple[Skipped, ...] = ()
    promised: frozenset[str] = frozenset()
    pictures: bool = False
    notes: tuple[str, ...] = ()

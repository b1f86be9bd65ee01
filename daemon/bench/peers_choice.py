"""What `genred bench peers` is told. Light: the command line loads it for --help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class PeerName(StrEnum):
    """The peers, as --peer and the JSON file call them."""

    ESSENTIA = "essentia"
    MUSICNN = "musicnn"
    TORCH = "torch"
    LIBROSA = "librosa"


@dataclass(frozen=True, slots=True)
class PeerChoices:
    """Which peers to measure, and where those are that live in an environment of their own."""

    only: tuple[PeerName, ...] = ()  # none named: all
    essentia_python: Path | None = None
    essentia_graph: Path | None = None
    musicnn_python: Path | None = None
    plain_model: Path | None = None

    def wanted(self) -> tuple[PeerName, ...]:
        """The peers to look for, in the table's order."""
        return tuple(name for name in PeerName if not self.only or name in self.only)

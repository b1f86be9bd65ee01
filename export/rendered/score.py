"""A composed piece: its players and their notes. What composing makes and the MIDI writer takes; a leaf."""

from dataclasses import dataclass
from typing import Final

DRUM_CHANNEL: Final = 9


@dataclass(frozen=True, slots=True)
class Note:
    """start_s, length_s: seconds from the piece's start. pitch, velocity: MIDI, 0 to 127."""

    start_s: float
    length_s: float
    pitch: int
    velocity: int
    channel: int


@dataclass(frozen=True, slots=True)
class Player:
    """A channel with its General MIDI program (from 0); level, pan, reverb: 0 to 127."""

    channel: int
    program: int
    level: int
    pan: int
    reverb: int


@dataclass(frozen=True, slots=True)
class Score:
    """tempo: quarter notes a minute (written into the file; the notes are in seconds)."""

    tempo: float
    players: tuple[Player, ...]
    notes: tuple[Note, ...]

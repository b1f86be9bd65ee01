"""What a style is: data, no behaviour. The folder styles/ holds one a file; `compose.py` reads them.

A bar is drawn as a string, a character a sixteenth note, so its length is the metre (16: four beats, 12: three):

    .  rest                       x  the whole chord            m  the melody's next note
    -  the note before goes on    o  the chord, softer          w  the next step of a walking bass
    1 3 5 7 8 9  root, third, fifth, seventh (sixth or octave where there is none), octave, tenth of the chord
"""

from dataclasses import dataclass
from typing import Final

PITCHED: Final = frozenset(".-xomw135789")
DRUMMED: Final = frozenset(".xo?")
"""Of drums: x a stroke, o a soft one, ? a soft one half of the time."""


@dataclass(frozen=True, slots=True)
class Part:
    """One player's place in a band.

    instruments: keys of `instruments.PROGRAMS`; a band picks one, one named twice twice as often. bars: patterns to
    choose from, a word a bar. lowest: MIDI note at which chords and tunes begin. presence: share of the sections it
    plays in. level: 0 to 127. gate: sounding share of a note's length. strum_ms: between the strings of a chord.
    """

    instruments: tuple[str, ...]
    bars: str
    lowest: int
    presence: float = 1.0
    level: int = 90
    gate: float = 0.92
    strum_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Progression:
    """A scale for melodies (a key of `theory.SCALES`) and chords as Roman numerals: a bar a word, `a,b` halves it."""

    scale: str
    chords: str


@dataclass(frozen=True, slots=True)
class Style:
    """A genre as ranges and choices; every band and piece picks its own out of them.

    tempo: lowest and highest quarter notes a minute. swing_eighths, swing_sixteenths: 0 straight to 1 triplets.
    grooves: of drums, a line a drum (`kick x...`); one that is only rests has no drummer. kits: of `KITS`.
    looseness_ms: highest standard deviation of the players' timing. fills: how likely a section ends in one.
    drum_level: 0 to 127.
    """

    name: str
    tempo: tuple[float, float]
    progressions: tuple[Progression, ...]
    grooves: tuple[str, ...]
    parts: tuple[Part, ...]
    kits: tuple[str, ...] = ("standard",)
    swing_eighths: tuple[float, float] = (0.0, 0.0)
    swing_sixteenths: tuple[float, float] = (0.0, 0.0)
    looseness_ms: float = 8.0
    fills: float = 0.6
    drum_level: int = 100

"""Chords of Roman numerals and scales, as semitones. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from export.errors import SettingsUnusable

SCALES: Final = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
_DEGREES: Final = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_NUMERAL: Final = re.compile(r"([b#]?)([IVX]+|[ivx]+)(7|maj7|maj9|9|5|6|dim|dim7|m7b5|sus4|)")


@dataclass(frozen=True, slots=True)
class Chord:
    """root: semitones above the key note, 0 to 11. intervals: above the root, ascending, the first 0."""

    root: int
    intervals: tuple[int, ...]

    def member(self, digit: str) -> int:
        """Semitones above the root of a pattern's digit (see style.py)."""
        third = self.intervals[1]
        fifth = next((step for step in self.intervals if step in (6, 7, 8)), 7)
        seventh = next((step for step in self.intervals if step in (9, 10, 11)), 12)
        return {"1": 0, "3": third, "5": fifth, "7": seventh, "8": 12, "9": 12 + third}[digit]


def chord_of(numeral: str) -> Chord:
    """`ii7`, `bVII`, `V7`, `I5`, ...: upper case is major, lower case minor; SettingsUnusable."""
    match = _NUMERAL.fullmatch(numeral)
    if match is None or match[2].lower() not in _DEGREES:
        raise SettingsUnusable(f"{numeral!r} is no chord: write a Roman numeral such as ii7, bVII or Vsus4")
    shift = {"b": -1, "#": 1, "": 0}[match[1]]
    return Chord((_DEGREES[match[2].lower()] + shift) % 12, _intervals(match[2].isupper(), match[3]))


def bars_of(chords: str) -> list[tuple[Chord, ...]]:
    """The chords of each bar: one, or two that share it."""
    return [tuple(chord_of(numeral) for numeral in bar.split(",")) for bar in chords.split()]


def _intervals(major: bool, kind: str) -> tuple[int, ...]:
    third = 4 if major else 3
    return {
        "": (0, third, 7),
        "5": (0, 7, 12),
        "6": (0, third, 7, 9),
        "7": (0, third, 7, 10),
        "9": (0, third, 7, 10, 14),
        "maj7": (0, third, 7, 11),
        "maj9": (0, third, 7, 11, 14),
        "dim": (0, 3, 6),
        "dim7": (0, 3, 6, 9),
        "m7b5": (0, 3, 6, 10),
        "sus4": (0, 5, 7),
    }[kind]

"""Lines of single notes: melodies that repeat their shape, and basses that walk. Pure, given a source of chance."""

from random import Random
from typing import Final

from export.rendered.theory import Chord

MOVES: Final = (-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 3, 4)
"""Steps along the scale: mostly small, the large ones upward (a leap is then walked down)."""


class Line:
    """A player's melody. Within a section the moves of a phrase come again, so that the ear finds a tune."""

    def __init__(self, rng: Random, key: int, scale: tuple[int, ...], lowest: int) -> None:
        """key: 0 to 11. scale: semitones. lowest: MIDI note; the line stays within some 19 semitones above it."""
        span = range(lowest, lowest + 20)
        self._notes = [note for note in span if (note - key) % 12 in scale]
        self._chord_notes = span
        self._key = key
        self._at = len(self._notes) // 2
        self._moves = [rng.choice(MOVES) for _ in range(32)]
        self._played = 0

    def new_phrase(self) -> None:
        """The next note begins the phrase's moves again."""
        self._played = 0

    def next_note(self, chord: Chord, strong: bool) -> int:
        """A MIDI note; on a strong beat one of the chord."""
        move = self._moves[self._played % len(self._moves)]
        self._played += 1
        at = self._at + move
        if not 0 <= at < len(self._notes):
            at = self._at - move
        self._at = min(max(at, 0), len(self._notes) - 1)
        note = self._notes[self._at]
        if not strong:
            return note
        members = {(self._key + chord.root + interval) % 12 for interval in chord.intervals}
        return min((n for n in self._chord_notes if n % 12 in members), key=lambda n: (abs(n - note), n))


def walking_note(rng: Random, key: int, chord: Chord, following: Chord, lowest: int, beat: int, beats: int) -> int:
    """A bass note: the root on the first beat, beside the next root on the last one, a member of the chord between."""
    if beat == 0:
        return lowest + (key + chord.root - lowest) % 12
    if beat == beats - 1:
        target = lowest + (key + following.root - lowest) % 12
        return target + rng.choice((-1, 1, 7, -1, 1))
    root = lowest + (key + chord.root - lowest) % 12
    return root + rng.choice([*chord.intervals[1:3], 12, chord.intervals[1] - 2])

"""What makes a machine's score sound played: small seeded shifts of time and touch, swing, strums."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from medley.smf import Track


@dataclass(frozen=True)
class Player:
    """Someone at an instrument: plays notes on a track a little off the grid and a little uneven."""

    track: Track
    rng: Random
    timing_beats: float = 0.012
    touch: float = 5.0

    def play(self, start_beats: float, length_beats: float, pitch: int, velocity: float) -> None:
        """One humanised note."""
        shift = self.rng.gauss(0.0, self.timing_beats)
        self.track.add(start_beats + shift, length_beats, pitch, velocity + self.rng.gauss(0.0, self.touch))

    def chord(self, start_beats: float, length_beats: float, pitches: list[int], velocity: float) -> None:
        """Notes together, as one hand plays them: one common shift, each a touch apart."""
        shift = self.rng.gauss(0.0, self.timing_beats)
        for pitch in pitches:
            start = start_beats + shift + abs(self.rng.gauss(0.0, 0.006))
            self.track.add(start, length_beats, pitch, velocity + self.rng.gauss(0.0, self.touch))

    def strum(
        self, start_beats: float, length_beats: float, pitches: list[int], velocity: float, gap_beats: float = 0.02
    ) -> None:
        """Notes one after another, as a pick crosses the strings (give them in the order of the stroke)."""
        shift = self.rng.gauss(0.0, self.timing_beats)
        for string, pitch in enumerate(pitches):
            start = start_beats + shift + string * gap_beats
            self.track.add(start, length_beats - string * gap_beats, pitch, velocity + self.rng.gauss(0.0, self.touch))


def swung(beat: float, ratio: float = 0.66) -> float:
    """A straight position moved to swing: the off-beat eighth falls at `ratio` of its beat."""
    whole, part = divmod(beat, 1.0)
    bent = part * 2 * ratio if part <= 0.5 else ratio + (part - 0.5) * 2 * (1 - ratio)
    return whole + bent


def nearest(pitch: int, classes: list[int]) -> int:
    """The pitch closest to `pitch` whose class (0 = C) is among `classes`; the lower one of two."""
    around = [pitch + step for step in (0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6)]
    return next(candidate for candidate in around if candidate % 12 in classes)

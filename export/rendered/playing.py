"""A player of pitched notes: which pattern in which section, and which notes its signs mean. Pure, given chance."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from export.rendered.feel import Feel, Section
from export.rendered.melody import Line, walking_note
from export.rendered.rhythm import STEPS_A_BEAT, Stroke, strokes_of
from export.rendered.score import Note
from export.rendered.style import Part
from export.rendered.theory import Chord

LOUD: Final = 96
SOFT: Final = 68
PHRASE_BARS: Final = 4
VARIED: Final = 0.25
"""How often a phrase's last bar takes another pattern."""


class Playing:
    """One player through one piece."""

    def __init__(self, part: Part, channel: int, feel: Feel, bars: Sequence[tuple[Chord, ...]], rng: Random) -> None:
        self._part = part
        self._channel = channel
        self._feel = feel
        self._bars = bars
        self._rng = rng
        self._patterns = [pattern for pattern in part.bars.split() if len(pattern) == feel.metre]
        self._line = Line(rng, feel.key, feel.scale, part.lowest)

    def notes(self, sections: Sequence[Section]) -> Iterator[Note]:
        """Everything this player plays."""
        phrase = self._phrase()
        for section in sections:
            rests = self._rng.random() >= self._part.presence
            if self._rng.random() < 0.4:
                phrase = self._phrase()
            if rests:
                continue
            for bar in range(section.start, section.start + section.bars):
                place = (bar - section.start) % PHRASE_BARS
                if place == 0:
                    self._line.new_phrase()
                for stroke in strokes_of(phrase[place]):
                    yield from self._stroke(bar, stroke)

    def _phrase(self) -> list[str]:
        """The patterns of four bars: tunes alternate two of them, others keep to one and vary the last."""
        first, second = self._rng.choice(self._patterns), self._rng.choice(self._patterns)
        if "m" in first + second:
            return [first, second, first, self._rng.choice(self._patterns)]
        return [first, first, first, second if self._rng.random() < VARIED else first]

    def _stroke(self, bar: int, stroke: Stroke) -> Iterator[Note]:
        start_s = self._feel.start_s(bar, stroke.step)
        length_s = (self._feel.start_s(bar, stroke.step + stroke.steps) - start_s) * self._part.gate
        velocity = SOFT if stroke.sign == "o" else LOUD
        if stroke.step % (2 * STEPS_A_BEAT):
            velocity -= 8  # the bar's main beats carry
        for number, pitch in enumerate(self._pitches(bar, stroke)):
            late_s = number * self._part.strum_ms / 1000
            yield Note(start_s + late_s, max(0.03, length_s - late_s), pitch, velocity, self._channel)

    def _pitches(self, bar: int, stroke: Stroke) -> list[int]:
        chord, lowest = self._chord(bar, stroke.step), self._part.lowest
        if stroke.sign == "m":
            return [self._line.next_note(chord, strong=stroke.step % (2 * STEPS_A_BEAT) == 0)]
        if stroke.sign == "w":
            beat, beats = stroke.step // STEPS_A_BEAT, self._feel.metre // STEPS_A_BEAT
            following = self._bars[(bar + 1) % len(self._bars)][0]
            return [walking_note(self._rng, self._feel.key, chord, following, lowest, beat, beats)]
        if stroke.sign in "xo":
            return voicing(self._feel.key, chord, lowest)
        root = lowest + (self._feel.key + chord.root - lowest) % 12
        return [root + chord.member(stroke.sign)]

    def _chord(self, bar: int, step: int) -> Chord:
        chords = self._bars[bar]
        return chords[step * len(chords) // self._feel.metre]


def voicing(key: int, chord: Chord, lowest: int) -> list[int]:
    """The chord's notes within the octave above `lowest`, ascending: each chord lies near the one before.

    A chord without a third (`I5`) stands on its root, as power chords do.
    """
    if chord.intervals == (0, 7, 12):
        root = lowest + (key + chord.root - lowest) % 12
        return [root + interval for interval in chord.intervals]
    return sorted({lowest + (key + chord.root + interval - lowest) % 12 for interval in chord.intervals})

"""Bars drawn as strings, read as strokes; and where a stroke falls when the music swings. Pure."""

from dataclasses import dataclass
from typing import Final

STEPS_A_BEAT: Final = 4

DRUMS: Final = {
    "kick": 36,
    "rim": 37,
    "snare": 38,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "tom-low": 45,
    "open": 46,
    "tom-mid": 47,
    "crash": 49,
    "tom-high": 50,
    "ride": 51,
    "bell": 53,
    "tambourine": 54,
    "cowbell": 56,
    "conga-high": 63,
    "conga-low": 64,
    "shaker": 70,
}
"""General MIDI's notes of the drum channel."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """step: sixteenth notes from the bar's start. steps: how long it lasts. sign: the pattern's character."""

    step: int
    steps: int
    sign: str


def strokes_of(pattern: str) -> list[Stroke]:
    """Each note of a bar, with the `-` behind it."""
    strokes: list[Stroke] = []
    for step, sign in enumerate(pattern):
        if sign == "-" and strokes and strokes[-1].step + strokes[-1].steps == step:
            last = strokes[-1]
            strokes[-1] = Stroke(last.step, last.steps + 1, last.sign)
        elif sign not in "-.":
            strokes.append(Stroke(step, 1, sign))
    return strokes


def groove_of(drawing: str) -> dict[int, str]:
    """Drum note -> its bar, of lines such as `kick x...x...x...x...`."""
    lines = (line.split() for line in drawing.strip().splitlines())
    return {DRUMS[name]: pattern for name, pattern in lines}


def metre_of(drawing: str) -> int:
    """Steps of a groove's bar."""
    return len(drawing.strip().splitlines()[0].split()[1])


def beat_of(step: float, swing_eighths: float, swing_sixteenths: float) -> float:
    """Quarter notes from the bar's start at which a step falls.

    Full swing of eighths puts the second one at 2/3 of the beat, of sixteenths at 2/3 of the eighth.
    """
    beat, within = divmod(step, STEPS_A_BEAT)
    middle = 0.5 + swing_eighths / 6
    offsets = (0.0, middle / 2, middle, (middle + 1) / 2, 1.0)
    low = int(within)
    offset = offsets[low] + (within - low) * (offsets[low + 1] - offsets[low])
    if low % 2 == 1:
        offset += swing_sixteenths / 12
    return beat + offset

"""The drummer: a groove, a fill before a new section, a crash on its first beat. Pure, given a source of chance."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from export.rendered.feel import Feel, Section
from export.rendered.rhythm import STEPS_A_BEAT, groove_of
from export.rendered.score import DRUM_CHANNEL, Note

FILL: Final = (38, 50, 47, 45)
CRASH: Final = 49
STROKE_S: Final = 0.12
LOUD: Final = 104
SOFT: Final = 62


def drum_notes(groove: str, feel: Feel, sections: Sequence[Section], fills: float, rng: Random) -> Iterator[Note]:
    """fills: how likely a section ends in one. A groove of rests has no fills either."""
    drums = {drum: bar for drum, bar in groove_of(groove).items() if bar.strip(".")}
    if not drums:
        return
    for number, section in enumerate(sections):
        if number and rng.random() < fills / 2:
            yield Note(feel.start_s(section.start, 0), 1.0, CRASH, 90, DRUM_CHANNEL)
        fill_from = feel.metre - rng.choice((4, 8)) if rng.random() < fills else feel.metre
        for bar in range(section.start, section.start + section.bars):
            until = fill_from if bar == section.start + section.bars - 1 else feel.metre
            yield from _bar(drums, bar, until, feel, rng)
            yield from _fill(bar, until, feel, rng)


def _bar(drums: dict[int, str], bar: int, until: int, feel: Feel, rng: Random) -> Iterator[Note]:
    for drum, pattern in drums.items():
        for step, sign in enumerate(pattern[:until]):
            if sign == "." or (sign == "?" and rng.random() < 0.5):
                continue
            loudness = LOUD if sign == "x" else SOFT
            yield Note(feel.start_s(bar, step), STROKE_S, drum, loudness, DRUM_CHANNEL)


def _fill(bar: int, start: int, feel: Feel, rng: Random) -> Iterator[Note]:
    for step in range(start, feel.metre):
        if rng.random() < 0.8:
            drum = FILL[min((step - start) * len(FILL) // STEPS_A_BEAT // 2, len(FILL) - 1)]
            yield Note(feel.start_s(bar, step), STROKE_S, drum, rng.randint(70, 110), DRUM_CHANNEL)

"""From a style and a seed to a score: a band picks its instruments, its pieces pick key, tempo, chords and grooves.

Pure: the same style, band and piece give the same score on any machine (random.Random seeded with their names).
"""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from random import Random
from typing import Final

from export.rendered.drumming import drum_notes
from export.rendered.feel import Feel, Section
from export.rendered.instruments import KITS, PROGRAMS
from export.rendered.playing import Playing
from export.rendered.rhythm import metre_of
from export.rendered.score import DRUM_CHANNEL, Note, Player, Score
from export.rendered.style import Part, Style
from export.rendered.theory import SCALES, Chord, bars_of

SECTION_BARS: Final = (4, 4, 8)


def compose(style: Style, band: str, piece: str, length_s: float) -> Score:
    """A piece of at least `length_s` seconds; `band` and `piece` are its seeds."""
    players = list(_players(style, Random(f"{style.name}/{band}")))
    rng = Random(f"{style.name}/{band}/{piece}")
    progression = rng.choice(style.progressions)
    groove = rng.choice(style.grooves)
    feel = Feel(
        tempo=round(rng.uniform(*style.tempo), 2),
        key=rng.randrange(12),
        scale=SCALES[progression.scale],
        metre=metre_of(groove),
        swing_eighths=rng.uniform(*style.swing_eighths),
        swing_sixteenths=rng.uniform(*style.swing_sixteenths),
    )
    bars = _chords(bars_of(progression.chords), ceil(length_s / feel.bar_s) + 1, rng)
    sections = list(_sections(len(bars), rng))
    drums = Player(
        DRUM_CHANNEL, KITS[rng.choice(style.kits)], style.drum_level + rng.randint(-12, 8), 64, rng.randint(5, 50)
    )
    notes = list(drum_notes(groove, feel, sections, style.fills, rng))
    for part, player in players:
        notes.extend(Playing(part, player.channel, feel, bars, rng).notes(sections))
    loose_s = rng.uniform(0.2, 1.0) * style.looseness_ms / 1000
    played = tuple(sorted(_loosened(notes, loose_s, rng), key=lambda n: (n.start_s, n.channel, n.pitch)))
    return Score(feel.tempo, (*(player for _, player in players), drums), played)


def _players(style: Style, rng: Random) -> Iterator[tuple[Part, Player]]:
    for number, part in enumerate(style.parts):
        channel = number if number < DRUM_CHANNEL else number + 1
        pan = 64 if part.lowest < 45 else rng.randint(24, 104)
        level = max(30, min(127, part.level + rng.randint(-14, 10)))
        yield part, Player(channel, PROGRAMS[rng.choice(part.instruments)], level, pan, rng.randint(10, 80))


def _chords(progression: list[tuple[Chord, ...]], n_bars: int, rng: Random) -> list[tuple[Chord, ...]]:
    """The progression again and again, begun anywhere in it: a clip is cut out of a longer piece."""
    start = rng.randrange(len(progression))
    return [progression[(start + bar) % len(progression)] for bar in range(n_bars)]


def _sections(n_bars: int, rng: Random) -> Iterator[Section]:
    start = 0
    while start < n_bars:
        bars = min(rng.choice(SECTION_BARS), n_bars - start)
        yield Section(start, bars)
        start += bars


def _loosened(notes: list[Note], loose_s: float, rng: Random) -> Iterator[Note]:
    """Nobody plays on a grid, nor each note as loud as the one before."""
    for note in notes:
        start_s = max(0.0, note.start_s + rng.gauss(0, loose_s))
        velocity = max(1, min(127, round(note.velocity + rng.gauss(0, 5))))
        yield replace(note, start_s=start_s, velocity=velocity)

"""Folk: a guitar picked with an alternating thumb, a strummed steel-string guitar, harmonica and a plain bass."""

from __future__ import annotations

from random import Random

from medley.feel import Player
from medley.smf import Score, Track

BARS = 8
TEMPO_BPM = 120.0

# One bar each in G: (two bass strings, three treble strings).
G = ([43, 50], [55, 59, 67])
C = ([48, 43], [55, 60, 64])
D = ([50, 45], [57, 62, 66])
E_MINOR = ([40, 47], [55, 59, 64])
CHANGES = [G, C, G, D, E_MINOR, C, D, G]
# The melody, a line two bars: (beat, length, pitch).
TUNE = [
    (0, 1.5, 74), (1.5, 0.5, 76), (2, 2, 79), (4, 1, 76), (5, 1, 74), (6, 2, 72),
    (8, 1, 71), (9, 1, 74), (10, 2, 67), (12, 1, 69), (13, 0.5, 71), (13.5, 0.5, 72), (14, 2, 74),
    (16, 1, 76), (17, 1, 79), (18, 2, 76), (20, 1, 72), (21, 1, 76), (22, 2, 74),
    (24, 1, 74), (25, 1, 72), (26, 1, 71), (27, 1, 69), (28, 4, 67),
]  # fmt: skip


def _travis(player: Player) -> None:
    """Thumb on every beat between two bass strings, fingers on the off-beats."""
    for bar, (basses, trebles) in enumerate(CHANGES):
        for beat in range(4):
            player.play(bar * 4 + beat, 1.1, basses[beat % 2], 92)
        for start, string in ((0.0, 2), (0.5, 1), (1.5, 2), (2.5, 0), (3.0, 1), (3.5, 2)):
            player.play(bar * 4 + start, 1.3, trebles[string], 82)


def _strum(player: Player) -> None:
    """Down on the beat, lighter up-strokes between."""
    for bar, (_, trebles) in enumerate(CHANGES):
        for start, down in ((0.0, True), (1.0, True), (1.5, False), (2.5, False), (3.0, True), (3.5, False)):
            strings = trebles if down else list(reversed(trebles))
            player.strum(bar * 4 + start, 0.7, strings, 74 if down else 58)


def _tune(player: Player) -> None:
    """The melody, each note held to the next."""
    for start, length, pitch in TUNE:
        player.play(start, length * 0.96, pitch, 88)


def compose(rng: Random) -> Score:
    """Eight bars in G, 16 seconds."""
    picked, strummed = Track(0, 24, volume=110, pan=50, reverb=24), Track(1, 25, volume=84, pan=92, reverb=24)
    harmonica, bass = Track(2, 22, volume=88, pan=70, reverb=40), Track(3, 32, volume=84, reverb=10)
    _travis(Player(picked, rng))
    _strum(Player(strummed, rng))
    _tune(Player(harmonica, rng, timing_beats=0.02))
    low = Player(bass, rng)
    for bar, (basses, _) in enumerate(CHANGES):
        low.play(bar * 4, 1.8, basses[0] - 12 if basses[0] > 45 else basses[0], 80)
        low.play(bar * 4 + 2, 1.8, basses[1] - 12 if basses[1] > 45 else basses[1], 76)
    return Score(TEMPO_BPM, BARS * 4, [picked, strummed, harmonica, bass])

"""Metal: two galloping distorted guitars hard left and right, a picked bass, double kicks."""

from __future__ import annotations

from random import Random

from medley.feel import Player
from medley.smf import DRUM_CHANNEL, Score, Track

BARS = 12
TEMPO_BPM = 180.0
KICK, SNARE, CLOSED_HAT, CRASH, CHINA, RIDE_BELL, LOW_TOM, HIGH_TOM = 36, 40, 42, 49, 52, 53, 43, 48
LOW_E = 40

GALLOP = [(0.0, 0.5), (0.5, 0.25), (0.75, 0.25)]  # (start, length) within a beat
# The riff: four beats a bar, in semitones above the low E; 0 is galloped on, the others are full chords.
BAR_ROOTS = [
    [0, 0, 0, 3], [0, 0, 5, 6], [0, 0, 0, 3], [8, 8, 7, 7],
    [0, 0, 0, 3], [0, 0, 5, 6], [8, 8, 10, 10], [12, 12, 10, 7],
    [0, 0, 0, 3], [0, 0, 5, 6], [8, 8, 10, 10], [7, 7, 6, 5],
]  # fmt: skip


def _power(root: int) -> list[int]:
    return [root, root + 7, root + 12]


def _riff(player: Player) -> None:
    """Gallops on the low string, full power chords where the root moves."""
    for bar, roots in enumerate(BAR_ROOTS):
        for beat, offset in enumerate(roots):
            at, root = bar * 4.0 + beat, LOW_E + offset
            if offset == 0:
                for start, length in GALLOP:
                    player.chord(at + start, length * 0.85, [root, root + 7], 116 if start == 0 else 104)
            else:
                player.chord(at, 0.48, _power(root), 122)
                player.chord(at + 0.5, 0.46, _power(root), 116)


def _bass(player: Player) -> None:
    """The guitars' roots an octave below, in eighths."""
    for bar, roots in enumerate(BAR_ROOTS):
        for beat, offset in enumerate(roots):
            for eighth in (0.0, 0.5):
                player.play(bar * 4 + beat + eighth, 0.45, LOW_E - 12 + offset, 116)


def _drums(player: Player) -> None:
    """Sixteenths on two kicks, snare on two and four, crashes on phrase heads, a fill in each eighth bar."""
    for bar in range(BARS):
        start = bar * 4.0
        fill = bar % 4 == 3
        for step in range(16):
            player.play(start + step / 4, 0.2, KICK, 118 if step % 2 == 0 else 104)
        for beat in (1,) if fill else (1, 3):
            player.play(start + beat, 0.3, SNARE, 124)
        pair = (RIDE_BELL, RIDE_BELL) if bar >= 8 else (CHINA, CLOSED_HAT)
        for eighth in range(5 if fill else 8):
            player.play(start + eighth / 2, 0.3, pair[eighth % 2], 96)
        if bar % 2 == 0:
            player.play(start, 1.5, CRASH, 124)
        if fill:
            for step, drum in enumerate([SNARE, SNARE, HIGH_TOM, HIGH_TOM, 45, 45, LOW_TOM, LOW_TOM]):
                player.play(start + 2 + step / 4, 0.25, drum, 120)


def compose(rng: Random) -> Score:
    """Twelve bars in E minor, 16 seconds."""
    left = Track(0, 29, volume=112, pan=0, reverb=0, amplified=True)
    right = Track(1, 29, volume=112, pan=127, reverb=0, amplified=True)
    bass = Track(2, 34, volume=108, reverb=8)
    drums = Track(DRUM_CHANNEL, 16, volume=116, reverb=20)
    for guitar in (left, right):
        _riff(Player(guitar, rng, timing_beats=0.008))
    _bass(Player(bass, rng, timing_beats=0.006))
    _drums(Player(drums, rng, timing_beats=0.005))
    return Score(TEMPO_BPM, BARS * 4, [left, right, bass, drums])

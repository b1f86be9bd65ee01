"""Chamber music: slow strings in four parts over a descending bass, with a harp; no drums."""

from __future__ import annotations

from random import Random

from medley.feel import Player, nearest
from medley.smf import Score, Track

BARS = 6
TEMPO_BPM = 90.0
EXPRESSION = 11

# One bar each in D minor: (cello, viola, second violin, first violin's two half notes).
HARMONY = [
    (50, 57, 65, (74, 77)),
    (48, 55, 64, (76, 72)),
    (46, 58, 62, (74, 70)),
    (43, 58, 62, (79, 74)),
    (45, 57, 64, (76, 73)),
    (50, 57, 65, (74, 74)),
]
D_MINOR = [0, 2, 4, 5, 7, 9, 10]


def _swell(track: Track, beats: int) -> None:
    """A bow's dynamic: each bar grows and falls back."""
    for step in range(beats * 4):
        phase = (step % 16) / 16
        track.controls.append((step / 4, EXPRESSION, round(88 + 36 * (1 - abs(2 * phase - 1)))))


def _melody(player: Player) -> None:
    """Two long notes a bar and a turn of eighths from the scale into the next; the last bar is one held note."""
    for bar, (_, _, _, (first, second)) in enumerate(HARMONY[:-1]):
        following = HARMONY[bar + 1][3][0]
        player.play(bar * 4, 2.05, first, 92)
        player.play(bar * 4 + 2, 1.05, second, 88)
        for eighth, share in ((3.0, 0.33), (3.5, 0.67)):
            between = nearest(round(second + (following - second) * share), D_MINOR)
            player.play(bar * 4 + eighth, 0.55, between, 80)
    player.play((BARS - 1) * 4, 4.0, HARMONY[-1][3][0], 92)


def _harp(player: Player) -> None:
    """Rising eighths through the bar's harmony."""
    for bar, (cello, viola, second, (first, _)) in enumerate(HARMONY):
        tones = [cello, viola, second, viola + 12, first, viola + 12, second, viola]
        for step, pitch in enumerate(tones):
            player.play(bar * 4 + step / 2, 1.2, pitch, 74 if step % 4 else 84)


def compose(rng: Random) -> Score:
    """Six bars, 16 seconds."""
    first, second = Track(0, 49, volume=92, pan=40, reverb=120), Track(1, 89, volume=80, pan=54, reverb=120)
    viola, cello = Track(2, 89, volume=80, pan=76, reverb=120), Track(3, 49, volume=98, pan=90, reverb=120)
    harp = Track(4, 46, volume=64, reverb=120)
    _melody(Player(first, rng, timing_beats=0.02))
    for bar, (low, middle, high, _) in enumerate(HARMONY):
        for track, pitch in ((cello, low), (viola, middle), (second, high)):
            Player(track, rng, timing_beats=0.02).play(bar * 4, 4.05, pitch, 84)
    _harp(Player(harp, rng, timing_beats=0.02))
    for track in (first, second, viola, cello):
        _swell(track, BARS * 4)
    return Score(TEMPO_BPM, BARS * 4, [first, second, viola, cello, harp])

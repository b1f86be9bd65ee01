"""Jazz: a swinging quartet over ii-V-I turnarounds: walking bass, ride, rootless piano chords, alto solo."""

from __future__ import annotations

from random import Random

from medley.feel import Player, nearest, swung
from medley.smf import DRUM_CHANNEL, Score, Track

BARS = 12
TEMPO_BPM = 180.0
RIDE, PEDAL_HAT, KICK, SNARE, SIDE_STICK = 51, 44, 36, 38, 37

# One bar each: root class, scale classes from the root, rootless voicing (MIDI pitches).
D_MINOR_9 = (2, [0, 2, 3, 5, 7, 9, 10], [53, 57, 60, 64])
G_13 = (7, [0, 2, 4, 5, 7, 9, 10], [53, 57, 59, 64])
C_MAJOR_9 = (0, [0, 2, 4, 5, 7, 9, 11], [52, 55, 59, 62])
A_7_ALTERED = (9, [0, 1, 3, 4, 6, 8, 10], [49, 55, 58, 60])
F_MAJOR_9 = (5, [0, 2, 4, 6, 7, 9, 11], [52, 55, 57, 60])
E_HALF_DIMINISHED = (4, [0, 1, 3, 5, 6, 8, 10], [50, 55, 58, 62])
CHANGES = [
    D_MINOR_9, G_13, C_MAJOR_9, A_7_ALTERED,
    D_MINOR_9, G_13, E_HALF_DIMINISHED, A_7_ALTERED,
    F_MAJOR_9, G_13, C_MAJOR_9, A_7_ALTERED,
]  # fmt: skip


def _walk(player: Player) -> None:
    """Four quarters a bar: root, two chord tones, and a half step into the next root."""
    low = 38
    for bar, (root, scale, _) in enumerate(CHANGES):
        next_root = CHANGES[(bar + 1) % BARS][0]
        here = nearest(low, [root])
        third, fifth = (root + scale[2]) % 12, (root + scale[4]) % 12
        second = nearest(here + player.rng.choice([3, 4, 5]), [third, fifth])
        there = nearest(second, [next_root])
        third_beat = nearest((second + there) // 2, [fifth, (root + scale[6]) % 12])
        for beat, pitch in enumerate([here, second, third_beat, there + player.rng.choice([-1, 1])]):
            player.play(bar * 4 + beat, 0.92, pitch, 96 if beat % 2 else 88)
        low = max(33, min(45, there))


def _drums(player: Player) -> None:
    """Ride 'ding, ding-a', hat on two and four, feathered kick, a few answers on the snare."""
    for bar in range(BARS):
        for beat, velocity in ((0.0, 72), (1.0, 88), (1.5, 60), (2.0, 74), (3.0, 88), (3.5, 62)):
            player.play(bar * 4 + swung(beat), 0.3, RIDE, velocity)
        for beat in (1, 3):
            player.play(bar * 4 + beat, 0.2, PEDAL_HAT, 76)
        for beat in range(4):
            player.play(bar * 4 + beat, 0.2, KICK, 36)
        for beat in player.rng.sample([0.5, 1.5, 2.5, 3.5], 2):
            player.play(bar * 4 + swung(beat), 0.2, SNARE, player.rng.choice([34, 42, 60]))


def _comp(player: Player) -> None:
    """Short rootless chords on two rhythms in turn, never the same two bars running."""
    rhythms = [[(0.0, 0.9), (1.5, 0.4)], [(0.5, 0.4), (2.5, 1.0)], [(1.5, 0.4), (3.5, 0.4)], [(0.0, 0.4), (2.5, 0.4)]]
    last = -1
    for bar, (_, _, voicing) in enumerate(CHANGES):
        last = player.rng.choice([index for index in range(len(rhythms)) if index != last])
        for beat, length in rhythms[last]:
            player.chord(bar * 4 + swung(beat), length, voicing, 66)


def _solo(player: Player) -> None:
    """Swung eighths wandering in the chord's scale, chord tones on the beat, a breath every two bars."""
    pitch, direction = 67, 1
    for bar, (root, scale, _) in enumerate(CHANGES):
        classes = [(root + step) % 12 for step in scale]
        tones = [classes[index] for index in (0, 2, 4, 6)]
        for eighth in range(8):
            resting = (bar % 2 == 1 and eighth >= 5) or (eighth and player.rng.random() < 0.1)
            if resting:
                continue
            if pitch > 78 or pitch < 58 or player.rng.random() < 0.22:
                direction = 1 if pitch < 66 else -1
            step = direction * player.rng.choice([1, 2, 2, 3])
            pitch = nearest(pitch + step, tones if eighth % 2 == 0 else classes)
            length = 1.1 if bar % 2 == 1 and eighth == 4 else 0.52
            player.play(bar * 4 + swung(eighth / 2), length, pitch, 84 if eighth % 2 else 96)


def compose(rng: Random) -> Score:
    """Twelve bars in C, 16 seconds."""
    bass, drums = Track(0, 32, volume=112, reverb=20), Track(DRUM_CHANNEL, 32, volume=104, reverb=30)
    piano, sax = Track(1, 0, volume=84, pan=44, reverb=36), Track(2, 65, volume=104, pan=76, reverb=48)
    _walk(Player(bass, rng))
    _drums(Player(drums, rng, touch=4))
    _comp(Player(piano, rng))
    _solo(Player(sax, rng, timing_beats=0.02))
    return Score(TEMPO_BPM, BARS * 4, [bass, drums, piano, sax])

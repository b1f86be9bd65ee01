"""House: four on the floor, claps, off-beat hats, a saw bass, pumping chords and a sixteenth arpeggio."""

from __future__ import annotations

from random import Random

from medley.feel import Player
from medley.smf import DRUM_CHANNEL, Score, Track

BARS = 8
TEMPO_BPM = 120.0
KICK, CLAP, CLOSED_HAT, OPEN_HAT, SHAKER = 36, 39, 42, 46, 70
EXPRESSION = 11

# A minor, F, C, G, each for a bar: bass root and chord.
CHORDS = [(33, [57, 60, 64, 67]), (29, [57, 60, 65, 69]), (36, [55, 60, 64, 71]), (31, [55, 59, 62, 69])]


def _pump(track: Track) -> None:
    """Side-chain by hand: every kick ducks the track, which swells back before the next."""
    for beat in range(BARS * 4):
        for step, level in enumerate((40, 64, 88, 104, 116, 124, 127, 127)):
            track.controls.append((beat + step / 8, EXPRESSION, level))


def _drums(player: Player) -> None:
    """Kick on every beat, clap on two and four, open hat between, closed sixteenths."""
    for beat in range(BARS * 4):
        player.track.add(beat, 0.3, KICK, 127)
        player.track.add(beat + 0.5, 0.3, OPEN_HAT, 92)
        if beat % 2 == 1:
            player.track.add(beat, 0.3, CLAP, 108)
        for step in range(4):
            player.play(beat + step / 4, 0.1, CLOSED_HAT, 58 if step % 2 else 74)


def _bass(player: Player) -> None:
    """Off-beat sixteenths under each chord, an octave jump at the end of the bar."""
    for bar in range(BARS):
        root = CHORDS[bar % 4][0]
        for beat in range(4):
            for step in (1, 2, 3):
                octave = 12 if beat == 3 and step == 3 else 0
                player.track.add(bar * 4 + beat + step / 4, 0.2, root + octave, 112)


def _stabs(player: Player) -> None:
    """Chord stabs in the three-three-two pattern of a club piano."""
    for bar in range(BARS):
        chord = CHORDS[bar % 4][1]
        for start, length in ((0.0, 0.6), (0.75, 0.6), (1.5, 0.4), (2.5, 0.4), (3.25, 0.6)):
            player.chord(bar * 4 + start, length, chord, 100)


def _arpeggio(player: Player) -> None:
    """Sixteenths up and down the chord, an octave and more above it."""
    for bar in range(BARS):
        tones = [pitch + 12 for pitch in CHORDS[bar % 4][1]]
        ladder = [*tones, tones[0] + 12, *reversed(tones[1:])]
        for step in range(16):
            player.track.add(bar * 4 + step / 4, 0.18, ladder[step % len(ladder)], 84 + 20 * (step % 4 == 0))


def compose(rng: Random) -> Score:
    """Eight bars in A minor, 16 seconds."""
    drums = Track(DRUM_CHANNEL, 25, volume=122, reverb=8)
    bass = Track(0, 38, volume=110, reverb=0)
    stabs = Track(1, 90, volume=92, reverb=40, chorus=50)
    arpeggio = Track(2, 81, volume=70, pan=84, reverb=60, chorus=30)
    _drums(Player(drums, rng, timing_beats=0.002, touch=4))
    _bass(Player(bass, rng, timing_beats=0.002))
    _stabs(Player(stabs, rng, timing_beats=0.002))
    _arpeggio(Player(arpeggio, rng, timing_beats=0.002))
    for track in (bass, stabs, arpeggio):
        _pump(track)
    return Score(TEMPO_BPM, BARS * 4, [drums, bass, stabs, arpeggio])

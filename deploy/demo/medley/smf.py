"""A score of notes counted in beats, and its bytes as a Standard MIDI File (format 1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9


@dataclass(frozen=True)
class Note:
    """One note; start and length in beats, pitch and velocity as MIDI numbers."""

    start_beats: float
    length_beats: float
    pitch: int
    velocity: int


@dataclass
class Track:
    """One instrument: a General MIDI program on a channel, its notes and its controllers over time.

    `amplified` tracks are rendered apart from the others and played through the guitar amplifier.
    """

    channel: int
    program: int
    volume: int = 100
    pan: int = 64
    reverb: int = 40
    chorus: int = 0
    amplified: bool = False
    notes: list[Note] = field(default_factory=list)
    controls: list[tuple[float, int, int]] = field(default_factory=list)  # (beat, controller, value)

    def add(self, start_beats: float, length_beats: float, pitch: int, velocity: float) -> None:
        """Append a note, its velocity held to 1..127 and its start to the beginning of the score."""
        held = max(1, min(127, round(velocity)))
        self.notes.append(Note(max(0.0, start_beats), length_beats, pitch, held))


@dataclass
class Score:
    """One style's tracks at one tempo; `length_beats` is where the music is cut."""

    tempo_bpm: float
    length_beats: float
    tracks: list[Track]

    @property
    def length_s(self) -> float:
        """Seconds of music, without the tail of the last notes."""
        return self.length_beats * 60.0 / self.tempo_bpm


def _varlen(value: int) -> bytes:
    """The file format's variable-length number: seven bits a byte, the high bit on all but the last."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(0x80 | (value & 0x7F))
    return bytes(reversed(out))


def _chunk(events: list[tuple[int, int, bytes]]) -> bytes:
    """One MTrk chunk from (tick, order, message); `order` breaks ties, so that note-offs come first."""
    body, now = bytearray(), 0
    for tick, _, message in sorted(events):
        body += _varlen(tick - now) + message
        now = tick
    body += b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + bytes(body)


def _ticks(beats: float) -> int:
    return round(beats * TICKS_PER_BEAT)


def _track_events(track: Track) -> list[tuple[int, int, bytes]]:
    """Program, controllers and notes of a track as (tick, order, message)."""
    channel = track.channel
    events = [(0, 0, bytes([0xC0 | channel, track.program]))]
    for controller, value in ((7, track.volume), (10, track.pan), (91, track.reverb), (93, track.chorus)):
        events.append((0, 1, bytes([0xB0 | channel, controller, value])))
    for beat, controller, value in track.controls:
        events.append((_ticks(beat), 2, bytes([0xB0 | channel, controller, value])))
    for note in track.notes:
        start = _ticks(note.start_beats)
        end = max(start + 1, _ticks(note.start_beats + note.length_beats))
        events.append((start, 4, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((end, 3, bytes([0x80 | channel, note.pitch, 0])))
    return events


def smf_bytes(score: Score) -> bytes:
    """The score as the bytes of a .mid file: a tempo track, then one chunk a track."""
    tempo = round(60e6 / score.tempo_bpm).to_bytes(3, "big")
    chunks = [_chunk([(0, 0, b"\xff\x51\x03" + tempo)])]
    chunks += [_chunk(_track_events(track)) for track in score.tracks]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), TICKS_PER_BEAT) + b"".join(chunks)

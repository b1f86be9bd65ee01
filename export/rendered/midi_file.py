"""A score as a Standard MIDI file: the same bytes for the same score."""

from io import BytesIO
from typing import Final

import mido

from export.rendered.score import Player, Score

TICKS_A_BEAT: Final = 480
_VOLUME, _PAN, _REVERB = 7, 10, 91


def midi_bytes(score: Score) -> bytes:
    """A file of format 1: a track with the tempo, then one a player."""
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="ascii")
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo))]))
    file.tracks.extend(_track(player, score) for player in score.players)
    with BytesIO() as buffer:
        file.save(file=buffer)
        return buffer.getvalue()


def _track(player: Player, score: Score) -> mido.MidiTrack:
    channel = player.channel
    events: list[tuple[int, int, mido.Message]] = []
    for control, value in ((_VOLUME, player.level), (_PAN, player.pan), (_REVERB, player.reverb)):
        events.append((0, 0, mido.Message("control_change", channel=channel, control=control, value=value)))
    events.append((0, 1, mido.Message("program_change", channel=channel, program=player.program)))
    ticks_a_second = TICKS_A_BEAT * score.tempo / 60
    for note in score.notes:
        if note.channel == channel:
            start, end = round(note.start_s * ticks_a_second), round((note.start_s + note.length_s) * ticks_a_second)
            on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
            off = mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)
            # At one tick a note ends before the next begins, or the same key would fall silent.
            events += [(start, 3, on), (max(end, start + 1), 2, off)]
    return _in_time(events)


def _in_time(events: list[tuple[int, int, mido.Message]]) -> mido.MidiTrack:
    track, at = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - at))
        at = tick
    return track

"""Styles become scores, scores MIDI, MIDI sound, and sound a set that nothing leaks in."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import av
import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from export.cli import app
from export.errors import DependencyMissing, SettingsUnusable
from export.rendered.catalogue import STYLES
from export.rendered.compose import compose
from export.rendered.instruments import KITS, PROGRAMS
from export.rendered.manifest import TABLES, write_tables
from export.rendered.melody import walking_note
from export.rendered.midi_file import midi_bytes
from export.rendered.plan import plan
from export.rendered.playing import voicing
from export.rendered.rhythm import Stroke, beat_of, groove_of, metre_of, strokes_of
from export.rendered.score import DRUM_CHANNEL, Note, Player, Score
from export.rendered.sound import PEAK_DBFS, clip_of, flac_frames, write_flac
from export.rendered.style import DRUMMED, PITCHED, Style
from export.rendered.synth import FLUID_R3, TIM_GM, find_synth
from export.rendered.theory import SCALES, bars_of, chord_of

EACH_STYLE = pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
needs_fluidsynth = pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="apt-get install fluidsynth")


@EACH_STYLE
def test_a_style_is_drawn_without_a_slip(style: Style) -> None:
    metres = {metre_of(groove) for groove in style.grooves}
    for groove in style.grooves:
        assert {len(bar) for bar in groove_of(groove).values()} == {metre_of(groove)}
        assert set("".join(groove_of(groove).values())) <= DRUMMED
    for part in style.parts:
        assert {len(bar) for bar in part.bars.split()} == metres, part.bars
        assert set("".join(part.bars.split())) <= PITCHED
        assert not any(bar.startswith("-") for bar in part.bars.split())
        assert set(part.instruments) <= set(PROGRAMS)
    assert set(style.kits) <= set(KITS)
    for progression in style.progressions:
        assert progression.scale in SCALES
        assert len(bars_of(progression.chords)) >= 2


def test_neighbours_overlap() -> None:
    """Instruments, tempi and progressions are shared: none of them alone tells the style."""
    for style in STYLES.values():
        others = [other for other in STYLES.values() if other is not style]
        heard = {name for other in others for part in other.parts for name in part.instruments}
        own = {name for part in style.parts for name in part.instruments}
        assert len(own & heard) > len(own) / 3, style.name
        assert sum(other.tempo[0] < style.tempo[1] and style.tempo[0] < other.tempo[1] for other in others) >= 4
    shared = [p for style in STYLES.values() for p in set(style.progressions)]
    assert len(shared) - len(set(shared)) >= 15


@settings(deadline=None, max_examples=40)
@given(style=st.sampled_from(list(STYLES.values())), band=st.text(max_size=5), piece=st.text(max_size=5))
def test_a_piece_can_be_played_and_lasts(style: Style, band: str, piece: str) -> None:
    score = compose(style, band, piece, 20.0)
    assert score == compose(style, band, piece, 20.0)
    assert style.tempo[0] <= score.tempo <= style.tempo[1]
    assert len({player.channel for player in score.players}) == len(style.parts) + 1
    assert max(note.start_s for note in score.notes) > 18.0  # music to the end; the last bars of a metal one may rest
    for note in score.notes:
        assert note.start_s >= 0
        assert 0.02 < note.length_s < 12
        assert 24 <= note.pitch <= 100
        assert 1 <= note.velocity <= 127
    busy = len(score.notes) / 20
    assert 1 < busy < 120


def test_bands_keep_their_instruments_and_change_their_pieces() -> None:
    one, two = (compose(STYLES["rock"], "band", piece, 10.0) for piece in "12")
    other = compose(STYLES["rock"], "other band", "1", 10.0)
    pitched = [player for player in one.players if player.channel != DRUM_CHANNEL]
    assert pitched == [player for player in two.players if player.channel != DRUM_CHANNEL]
    assert one.notes != two.notes
    assert pitched != [player for player in other.players if player.channel != DRUM_CHANNEL]


def test_the_midi_file_is_the_same_on_every_run() -> None:
    """In another process, with other hashes of strings."""
    program = (
        "import sys; from export.rendered.compose import compose; from export.rendered.catalogue import STYLES;"
        "from export.rendered.midi_file import midi_bytes;"
        "sys.stdout.buffer.write(b''.join(midi_bytes(compose(s, 'a', '0', 8.0)) for s in STYLES.values()))"
    )
    here = b"".join(midi_bytes(compose(style, "a", "0", 8.0)) for style in STYLES.values())
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert done.stdout == here


def test_the_midi_file_says_what_the_score_says() -> None:
    notes = (Note(0.0, 0.5, 60, 90, 0), Note(0.5, 0.5, 60, 70, 0), Note(0.25, 0.1, 36, 100, DRUM_CHANNEL))
    score = Score(120.0, (Player(0, 66, 90, 30, 20), Player(DRUM_CHANNEL, 32, 100, 64, 30)), notes)
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    at, heard = 0.0, []
    for message in file:  # mido gives seconds here
        at += message.time
        if message.type in ("note_on", "note_off", "program_change"):
            heard.append((round(at, 3), message.type, message.channel, getattr(message, "note", None)))
    assert heard == [
        (0.0, "program_change", 0, None),
        (0.0, "note_on", 0, 60),
        (0.0, "program_change", 9, None),
        (0.25, "note_on", 9, 36),
        (0.35, "note_off", 9, 36),
        (0.5, "note_off", 0, 60),
        (0.5, "note_on", 0, 60),
        (1.0, "note_off", 0, 60),
    ]


def test_numerals_are_chords() -> None:
    assert chord_of("I").intervals == (0, 4, 7)
    assert (chord_of("bVII").root, chord_of("ii7").root, chord_of("#ivdim7").root) == (10, 2, 6)
    assert chord_of("ii7").intervals == (0, 3, 7, 10)
    assert [chord_of("V7").member(digit) for digit in "135789"] == [0, 4, 7, 10, 12, 16]
    assert [chord_of("i5").member(digit) for digit in "15"] == [0, 7]
    assert [len(bar) for bar in bars_of("I,IV V")] == [2, 1]
    with pytest.raises(SettingsUnusable, match="'H7' is no chord"):
        chord_of("H7")


def test_a_voicing_is_of_the_chord_and_near() -> None:
    assert voicing(0, chord_of("V7"), 55) == [55, 59, 62, 65]  # g b d f
    assert voicing(0, chord_of("I"), 55) == [55, 60, 64]  # c major upon its fifth: no leap from g
    assert voicing(4, chord_of("i5"), 40) == [40, 47, 52]  # the low e of a guitar, its fifth and octave


def test_a_walking_bass_comes_to_the_next_root() -> None:
    for seed in range(20):
        chords = (chord_of("ii7"), chord_of("V7"))
        line = [walking_note(Random(seed), 0, *chords, lowest=28, beat=beat, beats=4) for beat in range(4)]
        assert line[0] % 12 == 2
        assert (line[3] - 31) in (-1, 1, 7)


def test_bars_are_read_as_they_are_drawn() -> None:
    assert strokes_of("x--.o...m-m-....") == [
        Stroke(0, 3, "x"),
        Stroke(4, 1, "o"),
        Stroke(8, 2, "m"),
        Stroke(10, 2, "m"),
    ]
    assert groove_of("kick x...\n  hat ..x.") == {36: "x...", 42: "..x."}


@given(eighths=st.floats(0, 1), sixteenths=st.floats(0, 1))
def test_swing_delays_and_never_turns_round(eighths: float, sixteenths: float) -> None:
    beats = [beat_of(step, eighths, sixteenths) for step in range(17)]
    assert beats == sorted(set(beats))
    assert beats[0::4] == [0, 1, 2, 3, 4]
    assert beat_of(2, 1.0, 0.0) == pytest.approx(2 / 3)
    assert beat_of(1, 0.0, 1.0) == pytest.approx(1 / 3)


def test_no_band_is_in_two_splits_and_both_tests_play_the_same_pieces() -> None:
    jobs = list(plan(list(STYLES.values()), 60, 30.0, 7))
    assert len(jobs) == len(STYLES) * 100
    bands = {split: {job.band for job in jobs if job.split == split} for split in ("train", "validation", "test")}
    assert not bands["train"] & bands["validation"]
    assert not (bands["train"] | bands["validation"]) & bands["test"]
    count = {split: sum(job.split == split for job in jobs) // len(STYLES) for split in bands}
    assert count == {"train": 48, "validation": 12, "test": 40}
    tests = {
        font: {(j.band, j.piece) for j in jobs if j.split == "test" and j.soundfont == font} for font in TABLES.values()
    }
    assert tests[TIM_GM] == tests[FLUID_R3]
    assert {job.soundfont for job in jobs if job.split != "test"} == {FLUID_R3}
    assert len({job.path for job in jobs}) == len(jobs)
    assert not {job.band for job in jobs} & {job.band for job in plan(list(STYLES.values()), 60, 30.0, 8)}


def test_the_tables_name_one_soundfont_each(tmp_path: Path) -> None:
    write_tables(tmp_path, list(plan([STYLES["jazz"]], 6, 4.0, 1)))
    for name, soundfont in TABLES.items():
        with (tmp_path / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["soundfont"] for row in rows if row["split"] == "test"} == {soundfont}
        assert {row["labels"] for row in rows} == {"jazz"}
        assert len(rows) == 8


@given(silence=st.integers(0, 4000), gain_db=st.floats(-60, 20), level=st.floats(-30, -14))
def test_a_clip_begins_with_its_sound_at_its_level(silence: int, gain_db: float, level: float) -> None:
    rate, seconds = 8000, 1.0
    tone = 10 ** (gain_db / 20) * np.cos(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    stereo = np.concatenate([np.zeros((silence, 2)), np.stack([tone, tone], 1)]).astype(np.float32)
    clip = clip_of(stereo, rate, seconds, level)
    assert clip.shape == (rate,)
    assert abs(int(clip[0])) > 100
    rms_db = 20 * np.log10(np.sqrt(np.mean((clip / 32767) ** 2)))
    assert rms_db == pytest.approx(level, abs=0.1)


def test_a_clip_never_clips_and_silence_stays_silent() -> None:
    spikes = np.zeros((8000, 2), np.float32)
    spikes[::1000] = 3.0
    clip = clip_of(spikes, 8000, 1.0, -6.0)
    assert 20 * np.log10(np.abs(clip).max() / 32767) == pytest.approx(PEAK_DBFS, abs=0.01)
    assert not clip_of(np.zeros((100, 2), np.float32), 8000, 0.5, -18.0).any()
    assert clip_of(np.ones((100, 2), np.float32), 8000, 0.5, -18.0).shape == (4000,)


def test_flac_keeps_every_sample(tmp_path: Path) -> None:
    mono = np.random.default_rng(1).integers(-30000, 30000, 10_001).astype(np.int16)
    write_flac(tmp_path / "a.flac", mono, 22_050)
    with av.open(str(tmp_path / "a.flac")) as container:
        assert container.streams.audio[0].rate == 22_050
        back = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)])
    assert np.array_equal(back, mono)
    assert flac_frames(tmp_path / "a.flac") == 10_001
    (tmp_path / "b.flac").write_bytes(b"fLaC")
    assert flac_frames(tmp_path / "b.flac") is flac_frames(tmp_path / "none.flac") is None


def export(*arguments: str) -> tuple[int, str]:
    """(exit code, everything printed) of `genred export ARGUMENTS`."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@needs_fluidsynth
def test_a_set_is_rendered_and_gone_on_with(tmp_path: Path) -> None:
    arguments = ("render-styles", "-o", str(tmp_path), "--styles", "blues,metal", "--clips", "4", "--seconds", "4")
    code, output = export(*arguments, "--workers", "2")
    assert code == 0, output
    assert "12 clips rendered, 0 were there" in output
    clips = sorted(tmp_path.rglob("*.flac"))
    assert len(clips) == 12
    for path in clips:
        with av.open(str(path)) as container:
            sound = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]) / 32768
        assert len(sound) == 4 * 22_050
        assert -26 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -14
        assert np.abs(sound[:2205]).max() > 0.003  # no silence at the start
    twins = [sorted(path.name for path in (tmp_path / "audio" / test).rglob("*.flac")) for test in TESTS]
    assert twins[0] == twins[1]
    lost, kept = clips[0], clips[1]
    content, seen = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    code, output = export(*arguments, "--workers", "1")
    assert "1 clips rendered, 11 were there" in output
    assert (lost.read_bytes(), kept.stat().st_mtime_ns) == (content, seen)  # the same sound again, too
    code, output = export(*arguments[:-1], "5", "--workers", "1")
    assert "12 clips rendered, 0 were there" in output  # none of four seconds stays among those of five
    assert {flac_frames(path) for path in clips} == {5 * 22_050}


TESTS = ("test-fluidr3", "test-timgm6mb")


def test_a_style_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, output = export("render-styles", "-o", str(tmp_path / "set"), "--styles", "polka")
    assert code == 64
    assert "no style 'polka': there are blues, classical" in output
    assert not (tmp_path / "set").exists()


def test_what_is_not_installed_is_named_with_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DependencyMissing, match=r"no SoundFont nowhere\.sf2|fluidsynth is not installed"):
        find_synth("nowhere.sf2")
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output = export("render-styles", "-o", str(tmp_path / "set"))
    assert code == 69
    assert "apt-get install fluidsynth fluid-soundfont-gm timgm6mb-soundfont" in output.replace("\n", " ")
    assert not (tmp_path / "set").exists()

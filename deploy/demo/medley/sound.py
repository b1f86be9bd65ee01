"""From a score to levelled sound: fluidsynth, the guitar amplifier, loudness, joins. Arrays are (frames, 2) float64."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from medley.smf import Score, smf_bytes

dsp: Any = scipy.signal  # it has no types

RATE_HZ = 48000
SYNTH_GAIN = 0.6
AMP_DRIVE_DB = 34.0
AMP_LOW_CUT_HZ, CABINET_LOW_CUT_HZ, CABINET_HIGH_CUT_HZ = 120.0, 110.0, 4500.0
AMP_MIX_DB = -3.0  # the amplified guitars against everything else
PEAK = 0.97

Sound = NDArray[np.float64]


def synthesize(score: Score, soundfont: Path) -> Sound:
    """Everything fluidsynth renders for a score, to the end of its last reverberation."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "score.mid"), Path(folder, "score.wav")
        midi.write_bytes(smf_bytes(score))
        options = ["-ni", "-q", "-g", str(SYNTH_GAIN), "-r", str(RATE_HZ), "-O", "s16", "-T", "wav", "-F", str(wav)]
        subprocess.run(["fluidsynth", *options, str(soundfont), str(midi)], check=True, stdout=subprocess.DEVNULL)
        with wave.open(str(wav)) as reader:
            pcm = np.frombuffer(reader.readframes(reader.getnframes()), dtype="<i2")
    return pcm.reshape(-1, 2) / 32768.0


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def _filtered(sound: Sound, order: int, cut_hz: float, kind: str) -> Sound:
    sections = dsp.butter(order, cut_hz, kind, fs=RATE_HZ, output="sos")
    return np.asarray(dsp.sosfilt(sections, sound, axis=0), dtype=np.float64)


def amplify(sound: Sound) -> Sound:
    """A guitar amplifier: low cut, a valve's tanh at four times the rate, a speaker cabinet. RMS 1 comes out."""
    driven = _filtered(sound, 1, AMP_LOW_CUT_HZ, "highpass")
    driven = driven * (0.2 * 10 ** (AMP_DRIVE_DB / 20) / _rms(driven))
    clipped = np.tanh(dsp.resample_poly(driven, 4, 1, axis=0))
    cabinet = _filtered(dsp.resample_poly(clipped, 1, 4, axis=0), 3, CABINET_HIGH_CUT_HZ, "lowpass")
    cabinet = _filtered(cabinet, 2, CABINET_LOW_CUT_HZ, "highpass")
    return cabinet / _rms(cabinet)


def perform(score: Score, soundfont: Path, tail_s: float) -> Sound:
    """The score's sound, its amplified tracks rendered apart; `length_s + tail_s` long, zeros if it ends before."""
    through_amp = [track for track in score.tracks if track.amplified]
    direct = [track for track in score.tracks if not track.amplified]
    sound = fit(synthesize(replace(score, tracks=direct), soundfont), score.length_s + tail_s)
    if through_amp:
        guitars = fit(synthesize(replace(score, tracks=through_amp), soundfont), score.length_s + tail_s)
        sound = sound / _rms(sound) + amplify(guitars) * 10 ** (AMP_MIX_DB / 20)
    return sound


def fit(sound: Sound, length_s: float) -> Sound:
    """Cut or zero-pad to a length."""
    frames = round(length_s * RATE_HZ)
    return np.pad(sound[:frames], ((0, max(0, frames - len(sound))), (0, 0)))


def level(sound: Sound, rms_dbfs: float) -> Sound:
    """Scale to an RMS level; peaks above full scale are rounded off, and the level is met after that."""
    target = 10 ** (rms_dbfs / 20)
    out = sound
    for _ in range(4):
        out = _soft_peaks(out * (target / _rms(out)))
    return out


def _soft_peaks(sound: Sound, knee: float = 0.7) -> Sound:
    """Identity up to the knee, then a tanh that never passes PEAK."""
    over = np.maximum(np.abs(sound) - knee, 0.0)
    room = PEAK - knee
    return np.sign(sound) * (np.minimum(np.abs(sound), knee) + room * np.tanh(over / room))


def join(parts: list[Sound], tail_s: float) -> Sound:
    """Chain parts: the last `tail_s` of each fade away under the first beat of the next."""
    tail = round(tail_s * RATE_HZ)
    ramp = np.cos(np.linspace(0.0, np.pi / 2, tail))[:, None]
    total = np.zeros((sum(len(part) - tail for part in parts) + tail, 2))
    at = 0
    for part in parts:
        total[at : at + len(part) - tail] += part[:-tail]
        total[at + len(part) - tail : at + len(part)] += part[-tail:] * ramp
        at += len(part) - tail
    return total

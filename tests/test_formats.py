"""The shipped model on one recording in two shapes: 16 kHz FLAC, and the 44.1 kHz stereo it was made from."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr

from tests.process import genred
from tests.signals import write_wav

MEDLEY = Path(__file__).parent.parent / "deploy" / "demo" / "medley.ogg"
SECONDS = (8, 40)  # crosses two changes of style


def excerpt() -> npt.NDArray[np.int16]:
    """Half a minute of the medley as 44.1 kHz stereo, int16 (frames, 2)."""
    with av.open(str(MEDLEY)) as container:
        resampler = av.AudioResampler("s16", "stereo", 44100)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])
    return samples[SECONDS[0] * 44100 : SECONDS[1] * 44100]


def write_flac_16k(path: Path, stereo: npt.NDArray[np.int16]) -> Path:
    """The recording as 16 kHz mono FLAC, resampled in one go."""
    mono = soxr.resample(stereo.mean(axis=1, dtype=np.float32), 44100, 16000, quality="VHQ")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16000, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray(np.round(mono).astype(np.int16)[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def scores_of(path: Path, model: str) -> npt.NDArray[np.float64]:
    """Every score of every window that `genred tag` gives."""
    done = genred("tag", str(path), "--model", model, "--all-tags", "-o", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))[1:]
    return np.array([[float(score) for score in row[7:]] for row in rows])


@pytest.mark.parametrize("model", ["musicnn-msd", "musicnn-mtt"])
def test_16_khz_flac_and_44_khz_stereo_say_the_same(model: str, tmp_path: Path) -> None:
    stereo = excerpt()
    original = scores_of(write_wav(tmp_path / "original.wav", stereo, 44100), model)
    flac = scores_of(write_flac_16k(tmp_path / "small.flac", stereo), model)
    assert original.shape == flac.shape == (15, 50)
    difference = np.abs(original - flac)
    assert difference.mean() < 0.01
    assert (original.argmax(axis=1) == flac.argmax(axis=1)).mean() > 0.9

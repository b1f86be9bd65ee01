"""The demo sample: it decodes, its segments are level, the shipped tagger hears them apart, its score never drifts."""

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr

from models.card import card_from_metadata
from models.catalogue import PRETRAINED
from models.front_ends.frames import whole_frames
from models.front_ends.network_input import network_input

DEMO = Path(__file__).resolve().parent.parent / "deploy" / "demo"
MODEL = PRETRAINED / "musicnn-msd.onnx"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Medley:
    """A decoded sample, mono, and its description."""

    samples: Floats
    rate_hz: int
    segments: list[dict[str, Any]]

    def part(self, segment: dict[str, Any]) -> Floats:
        """The samples of one segment."""
        return self.samples[int(segment["start_s"] * self.rate_hz) : int(segment["end_s"] * self.rate_hz)]


@pytest.fixture(scope="module")
def composer() -> ModuleType:
    """The module `make_medley`, which lives beside its sample and is no part of the installed packages."""
    sys.path.insert(0, str(DEMO))
    try:
        return importlib.import_module("make_medley")
    finally:
        sys.path.remove(str(DEMO))


@pytest.fixture(scope="module", params=["shipped", "rendered anew"])
def medley(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, composer: ModuleType) -> Medley:
    """The sample in the repository, and the one its maker renders here."""
    folder = DEMO
    if request.param == "rendered anew":
        if not shutil.which("fluidsynth") or not composer.SOUNDFONT.is_file():
            pytest.skip("fluidsynth or its SoundFont is not installed")
        folder = tmp_path_factory.mktemp("medley")
        composer.make(composer.DEFAULT_SEED, composer.SOUNDFONT, folder)
    description = json.loads((folder / "medley.json").read_text(encoding="utf-8"))
    samples, rate_hz = decode(folder / "medley.ogg")
    return Medley(samples, rate_hz, description["segments"])


def decode(path: Path) -> tuple[Floats, int]:
    """(frames,) float32, the mean of both channels, and the rate."""
    with av.open(str(path)) as container:
        rate_hz = container.streams.audio[0].rate
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    assert blocks[0].dtype == np.float32 and blocks[0].shape[0] == 2
    return np.concatenate(blocks, axis=1).mean(axis=0), rate_hz


def rms_db(samples: Floats) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def test_lasts_between_60_and_90_seconds(medley: Medley) -> None:
    assert 60 <= len(medley.samples) / medley.rate_hz <= 90


def test_segments_follow_one_another_on_the_taggers_grid(medley: Medley) -> None:
    edges = [medley.segments[0]["start_s"], *(segment["end_s"] for segment in medley.segments)]
    assert edges[0] == 0 and [segment["start_s"] for segment in medley.segments] == edges[:-1]
    assert all(edge % 2 == 0 for edge in edges)
    assert len(medley.segments) >= 4 and edges[-1] <= len(medley.samples) / medley.rate_hz


def test_segments_are_equally_loud_and_never_clip(medley: Medley) -> None:
    levels = [rms_db(medley.part(segment)) for segment in medley.segments]
    assert max(levels) - min(levels) <= 3
    assert np.abs(medley.samples).max() < 1


def test_no_second_is_silent(medley: Medley) -> None:
    seconds = int(medley.segments[-1]["end_s"])
    blocks = medley.samples[: seconds * medley.rate_hz].reshape(seconds, -1)
    assert min(rms_db(block) for block in blocks) > -35


@pytest.mark.skipif(not MODEL.is_file(), reason="the pretrained model is not there")
def test_the_tagger_hears_each_style(medley: Medley) -> None:
    found = []
    for segment in medley.segments:
        tag = top_genre(resampled(medley, segment))
        assert tag in segment["expect"], segment["style"]
        found.append(tag)
    assert len(set(found)) >= 4


def resampled(medley: Medley, segment: dict[str, Any]) -> Floats:
    """One segment's samples at 16 kHz."""
    samples: Floats = soxr.resample(medley.part(segment), medley.rate_hz, 16_000)
    return samples


def top_genre(samples: Floats) -> str:
    """The best genre over all 4 s windows that lie within the samples."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
    card = card_from_metadata(session.get_modelmeta().custom_metadata_map)
    frames = whole_frames(samples, card.front_end)
    starts = range(0, len(frames) - card.frames_per_window + 1, card.frames_per_hop)
    windows = np.stack([frames[start : start + card.frames_per_window] for start in starts])
    batch = network_input(windows, card.front_end)
    scores = np.asarray(session.run([card.output_name], {card.input_name: batch})[0]).mean(axis=0)
    return max(card.genres, key=lambda genre: float(scores[card.label_names.index(genre)]))


def test_the_description_is_what_the_composer_writes(composer: ModuleType) -> None:
    """Fingerprints of the MIDI included: the score cannot change and leave the sample behind."""
    description = json.loads((DEMO / "medley.json").read_text(encoding="utf-8"))
    assert description["segments"] == composer.segments(description["seed"])


def test_composing_is_deterministic_in_any_process(composer: ModuleType, tmp_path: Path) -> None:
    composer.write_midi(7, tmp_path / "here")
    command = [sys.executable, str(DEMO / "make_medley.py"), "--seed", "7", "--midi", str(tmp_path / "there")]
    subprocess.run(command, check=True, timeout=60)
    here, there = (sorted((tmp_path / place).iterdir()) for place in ("here", "there"))
    assert [path.name for path in here] == [path.name for path in there]
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


def test_another_seed_is_another_performance(composer: ModuleType) -> None:
    fingerprints = [[segment["midi_sha256"] for segment in composer.segments(seed)] for seed in (7, 8)]
    assert not set(fingerprints[0]) & set(fingerprints[1])


def test_the_midi_file_is_well_formed(composer: ModuleType) -> None:
    """Header, chunk lengths and the end of each track, by the format's own definition."""
    for _, score in composer.scores(7):
        data = composer.smf_bytes(score)
        assert data[:8] == b"MThd\x00\x00\x00\x06"
        assert int.from_bytes(data[10:12], "big") == 1 + len(score.tracks)
        at = 14
        for _ in range(1 + len(score.tracks)):
            assert data[at : at + 4] == b"MTrk"
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
            assert data[at - 3 : at] == b"\xff\x2f\x00"
        assert at == len(data)

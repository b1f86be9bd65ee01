"""genred-small as it is shipped: file, checkpoint and carry agree, and it says nearly what its teachers say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, cast

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr
import torch

from daemon.inference import OnnxModel
from export.distil.likeness import likeness
from export.distil.teacher import merged
from export.train.trained import load_network
from models.card_file import read_card
from models.catalogue import PRETRAINED
from models.front_ends.frames import whole_frames
from models.front_ends.network_input import network_input
from models.musicnn.slim import SlimMusicnn

torch.set_num_threads(1)
ROOT: Final = Path(__file__).resolve().parent.parent
SMALL: Final = PRETRAINED / "genred-small.onnx"
TEACHERS: Final = [PRETRAINED / "musicnn-msd.onnx", PRETRAINED / "musicnn-mtt.onnx"]


@pytest.fixture(scope="module")
def windows() -> npt.NDArray[np.float32]:
    """The demo medley's: (39, 250, 96). It has none of the music that was learnt from."""
    card = read_card(SMALL)
    with av.open(str(ROOT / "deploy" / "demo" / "medley.ogg")) as container:
        rate_hz = container.streams.audio[0].rate
        samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)])
    frames = whole_frames(soxr.resample(samples.astype(np.float32), rate_hz, 16_000), card.front_end)
    starts = range(0, len(frames) - card.frames_per_window + 1, card.frames_per_hop)
    return network_input(np.stack([frames[start : start + 250] for start in starts]), card.front_end)


def test_the_checkpoint_is_the_files(windows: npt.NDArray[np.float32]) -> None:
    spec, network = load_network(SMALL.with_suffix(".safetensors"))
    assert spec.labels == read_card(SMALL).labels
    with torch.inference_mode():
        wanted = cast(SlimMusicnn, network.eval())(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose(OnnxModel(SMALL, "cpu").scores(windows), wanted, atol=1e-5)


def test_a_window_scores_the_same_with_what_the_one_before_handed_on(windows: npt.NDArray[np.float32]) -> None:
    model = OnnxModel(SMALL, "cpu")
    _, carries = model.scores_and_carries(windows[:-1], None)
    found, _ = model.scores_and_carries(windows[1:], carries)
    np.testing.assert_allclose(found, model.scores(windows[1:]), atol=1e-6)


def test_it_says_nearly_what_its_teachers_say(windows: npt.NDArray[np.float32]) -> None:
    both = merged([read_card(path) for path in TEACHERS])
    assert both.labels == read_card(SMALL).labels
    wanted = both.of([OnnxModel(path, "cpu").scores(windows) for path in TEACHERS])
    found = likeness(OnnxModel(SMALL, "cpu").scores(windows), wanted, both.labels)
    by_chance = likeness(np.roll(wanted, len(windows) // 2, axis=0), wanted, both.labels)
    assert found.mean_deviation < 0.03
    assert found.mean_deviation < by_chance.mean_deviation / 2
    assert found.genre_agreement > by_chance.genre_agreement + 0.2


def test_docs_say_what_the_card_says() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    figures = cast(dict[str, Any], read_card(SMALL).training["held_out"])
    for beside, of in [
        ("both teachers, merged", figures),
        ("musicnn-msd alone", figures["each"]["musicnn-msd 2"]),
        ("musicnn-mtt alone", figures["each"]["musicnn-mtt 2"]),
    ]:
        row = re.search(rf"^\| {beside}[^|]*\|(.*)\|$", text, re.MULTILINE)
        assert row is not None
        parts = of["windows"], of["tracks"]
        wanted = [f"{part['mean_deviation']:.4f}" for part in parts] + [
            f"{part['genre_agreement']:.2f}" for part in parts
        ]
        assert [cell.strip() for cell in row[1].split("|")] == [cell.removeprefix("0") for cell in wanted]
    assert f"{figures['speed']['ratio']:.2f} times as fast" in text
    assert figures["tracks"]["genre_agreement"] > 0.8
    assert figures["windows"]["mean_deviation"] < 0.03
    assert figures["speed"]["ratio"] > 5

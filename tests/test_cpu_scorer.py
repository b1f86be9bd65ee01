"""Workers of a CPU side by side: a shared block's features are computed once, and nobody else waits for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.ready_windows import Arrival, ReadyWindows
from daemon.cpu_scorer import CpuScorer
from daemon.features import CpuFeatures
from daemon.grid import Grid, make_grid
from daemon.inference import OnnxModel
from models.front_ends.network_input import network_input
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd
from tests.tiny_model import tiny_scores, write_tiny_model

FORMAT = AudioFormat(SampleFormat.S16LE, 16_000, 1)
GRID = make_grid(16_000, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
LIMIT_S = 20.0


def scorer(model: OnnxModel) -> CpuScorer:
    """One worker's."""
    return CpuScorer([model], -60.0, 1, lambda samples: None, lambda stage, seconds: None)


def test_a_worker_waits_only_for_the_block_that_it_needs(tiny_model: Path) -> None:
    model = OnnxModel(tiny_model, "cpu", 1)
    windows = ReadyWindows(GRID, FORMAT)
    shared, after = islice(windows.arriving(Arrival.BEHIND, 1), 2)
    (other,) = islice(windows.arriving(Arrival.FIRST, 1), 1)
    with ThreadPoolExecutor(2) as pool:
        with after.blocks[0].filling:  # as a worker does that is at the window before
            held_up = pool.submit(scorer(model).begin, [after])
            assert pool.submit(scorer(model).begin, [other]).result(LIMIT_S).scores()[0] is not None
            assert not held_up.done()
        assert held_up.result(LIMIT_S).scores()[0] is not None
    assert shared.blocks[1].features is after.blocks[0].features


def test_each_block_is_filled_once(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[int] = []
    fill = CpuFeatures._fill

    def counted(features: CpuFeatures, block: object, grid: Grid, audio_format: AudioFormat) -> None:
        filled.append(id(block))
        fill(features, block, grid, audio_format)  # type: ignore[arg-type]

    monkeypatch.setattr(CpuFeatures, "_fill", counted)
    model = OnnxModel(tiny_model, "cpu", 1)
    windows = list(islice(ReadyWindows(GRID, FORMAT).arriving(Arrival.BEHIND, 1), 60))
    with ThreadPoolExecutor(4) as pool:
        each = [pool.submit(scorer(model).begin, windows[first::4]) for first in range(4)]
        wait(each, LIMIT_S)
    assert all(scores is not None for batch in each for scores in batch.result().scores())
    assert len(filled) == len(set(filled)) == 61


def test_what_the_networks_take_is_made_once_for_all_models(
    tiny_model: Path, other_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    stages: list[str] = []

    def counted(frames: npt.NDArray[np.float32], spec: FrontEnd) -> npt.NDArray[np.float32]:
        made.append(len(frames))
        assert not stages  # it counts as "features"
        return network_input(frames, spec)

    monkeypatch.setattr("daemon.cpu_scorer.network_input", counted)
    models = [OnnxModel(path, "cpu", 1) for path in (tiny_model, other_model)]
    windows = list(islice(ReadyWindows(GRID, FORMAT).arriving(Arrival.BEHIND, 1), 3))
    one = CpuScorer(models, -60.0, 1, lambda samples: None, lambda stage, seconds: stages.append(stage))
    assert all(scores is not None for scores in one.begin(windows).scores())
    assert made == [3]
    assert stages == ["features", "inference"]


@pytest.mark.parametrize("at_once", [1, 3])
def test_windows_are_normalised_where_the_card_asks_for_it(tmp_path: Path, at_once: int) -> None:
    front_end = replace(MUSICNN_FRONT_END, normalisation="window")
    model = OnnxModel(write_tiny_model(tmp_path / "tiny.onnx", front_end=front_end), "cpu", 1)
    windows = list(islice(ReadyWindows(GRID, FORMAT).arriving(Arrival.BEHIND, 1), 3))
    one = CpuScorer([model], -60.0, at_once, lambda samples: None, lambda stage, seconds: None)
    for window, scores in zip(windows, one.begin(windows).scores(), strict=True):
        features = np.concatenate([block.features for block in window.blocks if block.features is not None])
        assert abs(features.mean()) > 0.1  # it makes a difference
        assert scores == pytest.approx(tiny_scores(network_input(features[np.newaxis], front_end)[0]), abs=1e-5)

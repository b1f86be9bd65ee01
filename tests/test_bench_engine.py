"""`genred bench engine`, `latency` and `streams`: whole short runs on the tiny model, and what cannot be asked."""

from __future__ import annotations

import json
import os
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench import latency_plot
from daemon.bench.children import answer, peak_mb, run_child
from daemon.bench.engine_report import Round, engine_rows
from daemon.bench.latency_plot import check_matplotlib, draw_latency
from daemon.bench.limits import measure as measure_limits
from daemon.bench.matmul_onnx import matmul_model
from daemon.bench.ready_windows import Arrival, ReadyWindows
from daemon.cuts import Window
from daemon.errors import GenredError, InputUnusable
from daemon.grid import make_grid
from daemon.messages import AudioChunk
from daemon.windows import Windower
from models.front_ends.spec import MUSICNN_FRONT_END
from tests.process import genred

STEREO = AudioFormat(SampleFormat.S16LE, 44_100, 2)
CORES = len(os.sched_getaffinity(0))
ROW = {
    "arrival", "workers", "rounds", "rounds_used", "windows_per_s", "rounds_windows_per_s", "ms_per_window",
    "cpu_ms_per_window",
    "x_realtime_per_core", "speed_ratio", "shares", "executed_of_limit", "plain_of_limit", "others_share", "peak_mb",
}  # fmt: skip


def test_the_engine_is_measured(tiny_model: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    quick = ["--seconds", "0.2", "--rounds", "1", "--workers", "1", "--streams", "20"]
    done = genred("bench", "engine", "--model", str(tiny_model), *quick, "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(figures.read_text())
    assert report["model"] == "tiny"
    assert report["limits_gflop_per_s"]["1"] > 0
    assert [row["arrival"] for row in report["rows"]] == ["live", "behind", "first"]
    assert all(set(row) == ROW for row in report["rows"])
    assert all(row["windows_per_s"] > 0 and row["executed_of_limit"] is None for row in report["rows"])
    assert report["memory"]["streams"] == 20
    assert "live streams" in done.stdout and "memory of 20 live streams" in done.stdout


def test_latency_is_measured_and_drawn(tiny_model: Path, tmp_path: Path) -> None:
    figures, picture = tmp_path / "figures.json", tmp_path / "latency.png"
    quick = ["--seconds", "2.5", "--rounds", "1", "--load", "0.5", "--workers", "1", "--most-streams", "20"]
    files = ["--json", str(figures), "--plot", str(picture)]
    done = genred("bench", "latency", "--model", str(tiny_model), *quick, *files)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(figures.read_text())["rows"]
    assert (row["streams"], row["workers"], row["load"], row["missing"]) == (20, 1, 0.5, 0)
    assert row["p99_of_bare_window"] == pytest.approx(row["latency_ms"]["p99"] / row["bare_ms"]["window"], rel=0.5)
    assert "50%" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_streams_are_counted(tiny_model: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    quick = ["--seconds", "2.5", "--probe-seconds", "2.2", "--workers", "1", "--most-streams", "5"]
    done = genred("bench", "streams", "--model", str(tiny_model), *quick, "--json", str(figures))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(figures.read_text())["rows"]
    assert row["streams"] == 5
    assert [tried["held"] for tried in row["tried"]] == [True, True]
    assert row["run"] == row["tried"][-1]
    assert "no more were tried" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["engine", "--workers", str(CORES + 1)], 64, f"--workers {CORES + 1}: there are {CORES} cores"),
        (["engine", "--workers", "0"], 64, "--workers"),
        (["engine", "--rounds", "0"], 64, "--rounds"),
        (["engine", "--json", "/nowhere/at/all.json"], 64, "/nowhere/at is not a folder"),
        (["engine", "--model", "nope", "--workers", "1"], 78, "nope"),
        (["engine", "--precision", "fp3", "--workers", "1"], 78, "engine.precision"),
        (["latency", "--load", "0"], 64, "--load"),
        (["latency", "--plot", "/nowhere/at/all.png"], 64, "/nowhere/at is not a folder"),
        (["latency", "--model", "nope", "--workers", "1"], 78, "nope"),
        (["latency", "--chunk-s", "3"], 64, "--chunk-s"),
        (["streams", "--seconds", "0"], 64, "--seconds"),
        (["streams", "--most-streams", "0"], 64, "--most-streams"),
        (["streams", "--model", "nope", "--workers", "1"], 78, "nope"),
    ],
)
def test_options_that_cannot_be(arguments: list[str], code: int, says: str) -> None:
    done = genred("bench", *arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_without_matplotlib_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_plot, "find_spec", lambda name: None)
    with pytest.raises(InputUnusable, match=r"genred\[plot\]"):
        check_matplotlib()


def test_a_picture_of_two_panels(tmp_path: Path) -> None:
    latency_ms = {"p50": 12.0, "p90": 20.0, "p99": 40.0, "max": 50.0}
    rows = [
        {"workers": workers, "load": load, "latency_ms": latency_ms, "ideal_ms": latency_ms, "bare_ms": {"window": 18}}
        for workers in (1, 2)
        for load in (0.25, 0.9)
    ]
    draw_latency({"rows": rows, "model": "tiny", "precision": "fp32"}, tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_ready_windows_are_those_of_the_windower() -> None:
    grid = make_grid(44_100, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
    ready = ReadyWindows(grid, STEREO)
    live = list(islice(ready.arriving(Arrival.LIVE, 3), 9))
    assert [window.stream for window in live] == ["stream-0", "stream-1", "stream-2"] * 3
    assert [window.index for window in live] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert live[0].blocks[1] is live[3].blocks[0]
    behind = list(islice(ready.arriving(Arrival.BEHIND, 3), 4))
    assert all(one.blocks[1] is other.blocks[0] for one, other in pairwise(behind))
    first = list(islice(ready.arriving(Arrival.FIRST, 3), 4))
    assert len({window.stream for window in first}) == 4
    assert len({id(block) for window in first for block in window.blocks}) == 8
    windower = Windower("s", "e", STEREO, grid)
    chunk = AudioChunk("s", "e", 0, STEREO, bytes(16 * 44_100 * 4), 0.0)
    (cut, *_) = [item for item in windower.push(chunk) if isinstance(item, Window)]
    for window in live:
        assert [len(block.audio or b"") for block in window.blocks] == [len(block.audio or b"") for block in cut.blocks]
        assert (window.fresh_frames, window.grid, window.format) == (grid.hop_frames, cut.grid, cut.format)


def test_the_product_is_a_product() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 200, 200), np.float32)
    session = ort.InferenceSession(matmul_model(right), providers=["CPUExecutionProvider"])
    (product,) = session.run(None, {"left": left})
    np.testing.assert_allclose(product, left @ right, atol=1e-3)


def test_limits_of_one_and_two() -> None:
    for workers in (1, 2):
        found = measure_limits(workers, 0.1)
        assert found["gflop_per_s"] == max(found["by"].values()) > 1


def test_rows_by_hand() -> None:
    def case(windows: int, wall_s: float, others_share: float = 0.0) -> dict[str, object]:
        stages_s = {"features": 0.1 * wall_s, "inference": 0.8 * wall_s}
        return {
            "windows": windows, "wall_s": wall_s, "cpu_s": wall_s, "stages_s": stages_s, "peak_mb": 99.5, "hop_s": 2.0,
            "others_share": others_share,
        }  # fmt: skip

    limits = {1: {"gflop_per_s": 100.0}, 2: {"gflop_per_s": 200.0}}
    rounds = [
        Round(limits, {(Arrival.LIVE, 1): case(100, 1.0), (Arrival.LIVE, 2): case(190, 1.0)}),
        Round(limits, {(Arrival.LIVE, 1): case(50, 1.0), (Arrival.LIVE, 2): case(100, 1.0)}),
        Round(limits, {(Arrival.LIVE, 1): case(90, 1.0), (Arrival.LIVE, 2): case(180, 1.0)}),
    ]
    rounds.append(Round(limits, {(Arrival.LIVE, 1): case(9, 1.0, 0.9), (Arrival.LIVE, 2): case(180, 1.0)}))
    operations = {"carried_window": 10**9, "first_window": None, "plain_window": 4 * 10**9}
    one, two = engine_rows(rounds, operations)
    assert (one["windows_per_s"], one["ms_per_window"], one["x_realtime_per_core"]) == (90, 11.11, 180)
    assert (two["windows_per_s"], two["ms_per_window"], two["x_realtime_per_core"]) == (180, 11.11, 180)
    assert (one["rounds_used"], one["rounds"], two["rounds_used"]) == (3, 4, 3)
    assert (one["speed_ratio"], two["speed_ratio"]) == (1, 2)
    assert (one["executed_of_limit"], one["plain_of_limit"]) == (0.9, 3.6)
    assert one["shares"] == {"features": 0.1, "inference": 0.8, "rest": 0.1}


def test_a_child_that_fails_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GenredError, match=r"daemon\.bench\.limits ended with 1: .*workers"):
        run_child("daemon.bench.limits", {}, 1)
    answer({"one": 1})
    assert capsys.readouterr().out == '{"one": 1}'
    assert 10 < peak_mb() < 100_000

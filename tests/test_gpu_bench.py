"""The GPU's benchmark: a whole run on torch's CPU device, and the way it ends where there is no GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.bench.gpu import app, run_bench_gpu
from daemon.bench.gpu_limits import Limits, WindowCost
from daemon.errors import EXIT_UNAVAILABLE, EXIT_USAGE
from daemon.gpu.network_options import Precision
from tests.gpu_twins import DEVICES, NO_GPU


@DEVICES
def test_a_run(device: str, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, figures = tmp_path / "trace.json", tmp_path / "figures.json"
    cost = WindowCost(1e6, 1e6)
    run_bench_gpu(str(tiny_model), device, [3], [Precision.FP32], 6, False, None, trace, figures, cost)
    out = capsys.readouterr().out
    assert out.count("windows/s") == 2
    assert "of the" in out and "TFLOP/s" in out
    assert json.loads(trace.read_text())["traceEvents"]
    cases = json.loads(figures.read_text())["cases"]
    assert [case["audio"] for case in cases] == ["16000 Hz x1", "44100 Hz x2"]
    for case in cases:
        assert case["windows_per_s"] > 0
        assert set(case["stage_s"]) == {"upload", "features", "inference", "download"}
        assert set(case["limits"]) == {"compute", "memory", "bus"}
        assert case["deviation"] < 1e-3


def test_the_tightest_peak_is_the_roofline() -> None:
    limits = Limits(flop_per_s=50e12, bus_bytes_per_s=40e9, memory_bytes_per_s=3e12)
    allowed = limits.windows_per_s(WindowCost(1e9, 100e6), 64_000, Precision.FP32)
    assert allowed == {"compute": 50_000, "memory": 30_000, "bus": 625_000}
    assert limits.windows_per_s(WindowCost(1e9, 100e6), 64_000, Precision.BF16)["memory"] == 60_000


@pytest.mark.skipif(NO_GPU is None, reason="this machine has a GPU that works")
def test_without_a_gpu_it_says_so() -> None:
    ended = CliRunner().invoke(app, [])
    assert ended.exit_code == EXIT_UNAVAILABLE
    assert "engine.device=cuda: " in ended.stderr


def test_a_model_that_is_not_there_says_so() -> None:
    ended = CliRunner().invoke(app, ["--device", "cpu", "--model", "nope"])
    assert ended.exit_code == EXIT_USAGE
    assert "musicnn-msd" in ended.stderr

"""bfloat16 by OpenVINO. What needs its provider runs in an environment of its own: `make test-openvino`."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest

from daemon import openvino_model
from daemon.crew import load_models
from daemon.errors import AcceleratorUnavailable, ModelRefused, SettingsError
from daemon.inference import OnnxModel
from daemon.openvino_model import BF16_TOLERANCE, OPENVINO_PROVIDER, OpenVinoModel
from daemon.settings import load_settings
from models.card_file import write_model
from models.catalogue import pretrained_models
from tests.tiny_model import tiny_card, tiny_graph, tiny_scores, write_tiny_model

HERE = OPENVINO_PROVIDER in ort.get_available_providers()
needs_provider = pytest.mark.skipif(not HERE, reason="needs onnxruntime-openvino: make test-openvino")
SHIPPED = pytest.mark.parametrize("path", pretrained_models(), ids=lambda path: path.stem)
Frames = npt.NDArray[np.float32]


@pytest.fixture
def bf16() -> None:
    """Skip where the processor has none; all else that is missing is a failure."""
    if not openvino_model._BF16_FLAGS & openvino_model._processor_flags():
        pytest.skip("this processor has no bfloat16")


def music_like(seed: int, n_blocks: int) -> Frames:
    """Slowly changing spectra that fall with frequency: (n_blocks * 125, 96)."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(n_blocks * 125, 96)).cumsum(axis=0) / 40
    level = np.linspace(3, 0.5, 96) + steps + random.normal(size=steps.shape) / 5
    return np.maximum(level, 0).astype(np.float32)


@pytest.mark.skipif(HERE, reason="this onnxruntime has the provider")
def test_bf16_without_the_provider_is_an_error_never_a_silent_fp32_run(tiny_model: Path) -> None:
    settings = load_settings(None, {"model": str(tiny_model), "engine": {"device": "cpu", "precision": "bf16"}})
    with pytest.raises(AcceleratorUnavailable, match=r"no OpenVINO provider.*install genred\[openvino\] instead"):
        load_models(settings)


def test_other_precisions_are_not_for_a_cpu(tiny_model: Path) -> None:
    settings = load_settings(None, {"model": str(tiny_model), "engine": {"device": "cpu", "precision": "fp16"}})
    with pytest.raises(SettingsError, match=r"engine\.precision=fp16: on a CPU use fp32, or bf16"):
        load_models(settings)


def test_a_processor_without_bf16_is_an_error(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: [OPENVINO_PROVIDER])
    for told in ("flags\t\t: fpu avx2 avx512f\n", "", None):
        info = tmp_path / f"cpuinfo-{told is None}"
        if told is not None:
            info.write_text(told, encoding="utf-8")
        monkeypatch.setattr(openvino_model, "CPU_INFO", info)
        with pytest.raises(AcceleratorUnavailable, match="does not compute in bfloat16"):
            OpenVinoModel(tiny_model)


@needs_provider
@pytest.mark.usefixtures("bf16")
@SHIPPED
def test_streams_in_bf16_are_within_the_tolerance(path: Path) -> None:
    exact, model = OnnxModel(path, "cpu"), OpenVinoModel(path)
    assert model.provider == OPENVINO_PROVIDER
    assert model.id == exact.id
    assert 0 < model.golden_deviation < BF16_TOLERANCE
    differences = []
    for seed in range(3):
        heard = music_like(seed, 9)
        carry = exact_carry = None
        for start in range(0, len(heard) - 125, 125):
            window = heard[np.newaxis, start : start + 250]
            wanted, exact_carry = exact.scores_and_carries(window, exact_carry)
            found, carry = model.scores_and_carries(window, carry)
            differences.append(np.abs(found - wanted).max())
    assert 1e-5 < max(differences) < BF16_TOLERANCE  # so it is bfloat16


@needs_provider
@pytest.mark.usefixtures("bf16")
@SHIPPED
def test_a_window_has_the_same_scores_wherever_its_stream_is_taken_up(path: Path) -> None:
    model = OpenVinoModel(path)
    heard, carry = music_like(4, 7), None
    heard[130:260] = 0
    for start in range(0, len(heard) - 125, 125):
        window = heard[np.newaxis, start : start + 250]
        found, carry = model.scores_and_carries(window, carry)
        taken_up, own = model.scores_and_carries(window, None)
        np.testing.assert_array_equal(taken_up, found)
        np.testing.assert_array_equal(own, carry)
        np.testing.assert_array_equal(model.scores(window), found)


@needs_provider
@pytest.mark.usefixtures("bf16")
def test_windows_together_are_as_windows_alone() -> None:
    model = OpenVinoModel(pretrained_models()[0])
    windows = np.stack([music_like(seed, 2) for seed in range(3)])
    _, carried = model.scores_and_carries(windows, None)
    together, kept = model.scores_and_carries(windows, carried)
    for place in range(3):
        alone, own = model.scores_and_carries(windows[place : place + 1], carried[place : place + 1])
        np.testing.assert_array_equal(alone[0], together[place])
        np.testing.assert_array_equal(own[0], kept[place])


@needs_provider
@pytest.mark.usefixtures("bf16")
def test_a_network_without_a_carry_of_any_length(tiny_model: Path) -> None:
    model = OpenVinoModel(tiny_model)
    for n_blocks in (2, 4):
        windows = np.stack([music_like(seed, n_blocks) for seed in range(2)])
        np.testing.assert_allclose(model.scores(windows), [tiny_scores(w) for w in windows], atol=BF16_TOLERANCE)


@needs_provider
@pytest.mark.usefixtures("bf16")
def test_a_network_that_bf16_ruins_is_refused(tmp_path: Path) -> None:
    graph = tiny_graph()
    # what decides is a small difference of large numbers: beyond bfloat16's eight bits
    weights = next(entry for entry in graph.graph.initializer if entry.name == "weights")
    values = onnx.numpy_helper.to_array(weights) * 50
    weights.CopyFrom(onnx.numpy_helper.from_array(values, "weights"))
    card = tiny_card()
    middle = np.array(card.golden_input[:, :32].mean() * 50, np.float32)
    offset = next(entry for entry in graph.graph.initializer if entry.name == "offset")
    offset.CopyFrom(onnx.numpy_helper.from_array(middle, "offset"))
    path = tmp_path / "sharp.onnx"
    plain = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (golden,) = plain.run(None, {"log_mel": card.golden_input[np.newaxis]})
    write_model(graph, replace(card, golden_output=golden[0]), path)
    OnnxModel(path, "cpu")
    with pytest.raises(ModelRefused, match=r"golden check failed in bf16.*allowed 0.01.*use engine.precision fp32"):
        OpenVinoModel(path)


@needs_provider
@pytest.mark.usefixtures("bf16")
def test_a_bad_file_is_refused_as_ever(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="No such file"):
        OpenVinoModel(tmp_path / "none.onnx")
    wrong = write_tiny_model(tmp_path / "wrong.onnx", golden_output=np.zeros(4, np.float32))
    with pytest.raises(ModelRefused, match="golden check failed, scores"):
        OpenVinoModel(wrong)


@needs_provider
@pytest.mark.usefixtures("bf16")
def test_two_workers_compute_at_the_same_time_and_right() -> None:
    model = OpenVinoModel(pretrained_models()[0], workers=2)
    windows = [music_like(seed, 2)[np.newaxis] for seed in range(2)]
    carried = [model.scores_and_carries(window, None)[1] for window in windows]
    wanted = [model.scores_and_carries(w, c)[0] for w, c in zip(windows, carried, strict=True)]
    wrong: list[float] = []

    def work(place: int) -> None:
        for _ in range(30):
            found, _ = model.scores_and_carries(windows[place], carried[place])
            wrong.append(float(np.abs(found - wanted[place]).max()))

    workers = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(wrong) == 60
    assert max(wrong) == 0

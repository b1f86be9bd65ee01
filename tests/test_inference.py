"""A model proves itself or is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from daemon.assembly import make_rules
from daemon.crew import load_models
from daemon.errors import AcceleratorUnavailable, ModelRefused, SettingsError
from daemon.inference import OnnxModel
from daemon.settings import load_settings
from models.card import Carry
from models.catalogue import pretrained_models
from tests.tiny_model import LABELS, tiny_card, tiny_graph, tiny_scores, write_tiny_model


def test_a_good_model_is_taken(tiny_model: Path) -> None:
    model = OnnxModel(tiny_model, "cpu", 1)
    window = np.random.default_rng(1).uniform(0, 5, (3, 250, 96)).astype(np.float32)
    np.testing.assert_allclose(model.scores(window), [tiny_scores(w) for w in window], atol=1e-6)
    assert (model.id.name, model.id.version, len(model.id.sha256)) == ("tiny", "1", 64)
    assert model.provider == "CPUExecutionProvider"


@pytest.mark.parametrize("path", pretrained_models(), ids=lambda path: path.stem)
def test_the_shipped_models_prove_themselves(path: Path) -> None:
    assert OnnxModel(path, "cpu", 1).golden_deviation < 1e-5


def refusal(path: Path) -> str:
    """Why the file is refused: one line."""
    with pytest.raises(ModelRefused) as refused:
        OnnxModel(path, "cpu", 1)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.onnx")


def test_a_file_that_is_not_onnx(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("this is no network")
    assert "not a usable ONNX file" in refusal(path)


def test_a_truncated_file(tmp_path: Path, tiny_model: Path) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(tiny_model.read_bytes()[: tiny_model.stat().st_size // 2])
    refusal(path)


def test_a_file_without_a_card(tmp_path: Path) -> None:
    path = tmp_path / "bare.onnx"
    onnx.save(tiny_graph(), path)
    assert "no genred card" in refusal(path)


def test_a_golden_mismatch(tmp_path: Path) -> None:
    card = tiny_card()
    wrong = card.golden_output.copy()
    wrong[2] += 0.01
    path = write_tiny_model(tmp_path / "wrong.onnx", golden_output=wrong)
    assert "golden check failed, scores are off by 0.01" in refusal(path)


def test_nan_scores_are_a_golden_mismatch(tmp_path: Path) -> None:
    graph = tiny_graph()
    graph.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), "offset"))
    path = tmp_path / "nan.onnx"
    from models.card_file import write_model

    write_model(graph, tiny_card(), path)
    assert "golden check failed" in refusal(path)


def test_a_card_that_names_other_labels_than_the_network_has(tmp_path: Path) -> None:
    card = tiny_card()
    path = write_tiny_model(tmp_path / "few.onnx", labels=LABELS[:2], golden_output=card.golden_output[:2])
    assert "4" in refusal(path)


def test_a_card_that_names_another_input(tmp_path: Path) -> None:
    assert "golden input cannot be scored" in refusal(write_tiny_model(tmp_path / "in.onnx", input_name="other"))


def test_cuda_without_cuda_is_an_error_never_a_silent_cpu_run(tiny_model: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has the CUDA provider")
    for device in ("cuda", "cuda:1"):
        with pytest.raises(AcceleratorUnavailable, match=f"engine.device={device}"):
            OnnxModel(tiny_model, device, 1)


def test_a_window_that_does_not_fit_is_a_settings_error(tiny_model: Path) -> None:
    card = OnnxModel(tiny_model, "cpu", 1).card
    for windows in ({"hop_s": 3.0}, {"window_s": 5.0}, {"hop_s": 0.001, "window_s": 4}):
        with pytest.raises(SettingsError, match="windows:"):
            make_rules(card, load_settings(None, {"windows": windows}))
    make_rules(card, load_settings(None, {"windows": {"window_s": 8.0}}))


def test_a_window_that_the_network_does_not_take_is_a_settings_error(tiny_model: Path) -> None:
    with pytest.raises(SettingsError, match=r"window_s=8: model musicnn-msd takes windows of 4 s only"):
        load_models(load_settings(None, {"windows": {"window_s": 8.0}, "engine": {"device": "cpu"}}))
    anything = load_settings(
        None, {"model": str(tiny_model), "windows": {"window_s": 8.0}, "engine": {"device": "cpu"}}
    )
    assert load_models(anything)[0].of_one_length is False


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelRefused, match="musicnn-msd"):
        load_models(load_settings(None, {"model": "nope"}))


def test_a_card_that_names_a_carry_which_the_network_lacks(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "carry.onnx", carry=Carry("carried", "carry"))
    assert "its card names the carry 'carried' -> 'carry', which the network does not have" in refusal(path)

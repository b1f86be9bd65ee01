"""A network on torch's memory: it proves itself or is refused; half precision, padded batches, devices not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from daemon.errors import AcceleratorUnavailable, GenredError, ModelRefused, SettingsError
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device import open_device
from daemon.gpu.lanes import Lanes
from daemon.gpu.network_options import Backend, NetworkOptions, Precision, providers
from daemon.inference import OnnxModel
from models.card_file import write_model
from models.catalogue import pretrained_models
from tests.gpu_twins import DEVICES, NO_GPU, ON_CUDA, TOLERANCE, lanes_of
from tests.tiny_model import LABELS, tiny_card, tiny_graph, tiny_scores, write_tiny_model

Floats = npt.NDArray[np.float32]


def some_windows(count: int) -> Floats:
    """Spectrograms, float32 (count, 250, 96)."""
    return np.random.default_rng(count).uniform(0, 5, (count, 250, 96)).astype(np.float32)


def scores_of(network: BoundNetwork, windows: Floats, lanes: Lanes) -> Floats:
    """By way of the device and back."""
    with lanes.computing():
        found: Floats = network.scores(torch.from_numpy(windows).to(lanes.device)).cpu().numpy()
    return found


def half_model(path: Path, element: int) -> Path:
    """The tiny model with an input of a half type: what a converted file looks like."""
    model = tiny_graph()
    model.graph.input[0].type.tensor_type.elem_type = element
    model.graph.input[0].name = "log_mel"
    model.graph.node.insert(0, helper.make_node("Cast", ["log_mel"], ["wide"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "wide"
    write_model(model, tiny_card(), path)
    return path


@DEVICES
@pytest.mark.parametrize("count", [1, 3, 8])
def test_scores_are_the_networks(device: str, count: int, tiny_model: Path) -> None:
    lanes = lanes_of(device)
    network = BoundNetwork(tiny_model, lanes, NetworkOptions())
    windows = some_windows(count)
    np.testing.assert_allclose(scores_of(network, windows, lanes), [tiny_scores(w) for w in windows], atol=TOLERANCE)
    assert network.id == OnnxModel(tiny_model, "cpu", 1).id
    assert not network.of_one_length
    assert network.provider == ("CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider")


@DEVICES
@pytest.mark.parametrize("path", pretrained_models(), ids=lambda path: path.stem)
def test_the_shipped_models_prove_themselves(device: str, path: Path) -> None:
    network = BoundNetwork(path, lanes_of(device), NetworkOptions())
    assert network.golden_deviation < TOLERANCE
    assert network.of_one_length


@DEVICES
def test_padded_batches_keep_apart(device: str, tiny_model: Path) -> None:
    """What CUDA graphs need, sizes of powers of two and memory of their own, gives the same scores."""
    lanes = lanes_of(device)
    network = BoundNetwork(tiny_model, lanes, NetworkOptions(cuda_graphs=True, max_batch=6))
    for count in (1, 3, 4, 2, 5, 6, 7, 3, 1):
        windows = some_windows(count)
        found = scores_of(network, windows, lanes)
        np.testing.assert_allclose(found, [tiny_scores(w) for w in windows], atol=TOLERANCE)


@DEVICES
@pytest.mark.parametrize(
    ("element", "precision"), [(TensorProto.FLOAT16, Precision.FP16), (TensorProto.BFLOAT16, Precision.BF16)]
)
def test_converted_networks_get_what_they_take(device: str, element: int, precision: Precision, tmp_path: Path) -> None:
    path = half_model(tmp_path / "half.onnx", element)
    lanes = lanes_of(device)
    network = BoundNetwork(path, lanes, NetworkOptions(precision=precision))
    assert 0 < network.golden_deviation < 0.01
    windows = some_windows(3)
    np.testing.assert_allclose(scores_of(network, windows, lanes), [tiny_scores(w) for w in windows], atol=0.01)
    with pytest.raises(ModelRefused, match=f"set precision = {precision}"):
        BoundNetwork(path, lanes, NetworkOptions())


def refusal(path: Path, options: NetworkOptions | None = None) -> str:
    """Why the file is refused: one line."""
    with pytest.raises(ModelRefused) as refused:
        BoundNetwork(path, lanes_of("cpu"), options or NetworkOptions())
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_half_precision_needs_a_converted_file(precision: Precision, tiny_model: Path) -> None:
    assert "use a converted file" in refusal(tiny_model, NetworkOptions(precision=precision))


def test_a_golden_mismatch(tmp_path: Path) -> None:
    wrong = tiny_card().golden_output.copy()
    wrong[2] += 0.01
    assert "golden check failed, scores are off by 0.01" in refusal(
        write_tiny_model(tmp_path / "wrong.onnx", golden_output=wrong)
    )


def test_nan_scores_are_a_golden_mismatch(tmp_path: Path) -> None:
    graph = tiny_graph()
    graph.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), "offset"))
    write_model(graph, tiny_card(), tmp_path / "nan.onnx")
    assert "golden check failed" in refusal(tmp_path / "nan.onnx")


def test_files_that_are_no_models(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("this is no network")
    assert "not a usable ONNX file" in refusal(tmp_path / "text.onnx")
    onnx.save(tiny_graph(), tmp_path / "bare.onnx")
    assert "no genred card" in refusal(tmp_path / "bare.onnx")


def test_cards_that_do_not_fit_their_network(tmp_path: Path) -> None:
    assert "its card names 'other'" in refusal(write_tiny_model(tmp_path / "in.onnx", input_name="other"))
    card = tiny_card()
    few = write_tiny_model(tmp_path / "few.onnx", labels=LABELS[:2], golden_output=card.golden_output[:2])
    assert "cannot be scored" in refusal(few)


@pytest.mark.skipif(NO_GPU is None, reason="this machine has a GPU that works")
@pytest.mark.parametrize("wanted", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_an_error_never_a_silent_cpu_run(wanted: str) -> None:
    with pytest.raises(AcceleratorUnavailable, match=f'engine.device={wanted}: .*set device = "cpu"'):
        open_device(wanted)
    assert open_device("auto") == open_device("cpu") == torch.device("cpu")


@ON_CUDA
def test_a_gpu_that_is_there() -> None:
    assert open_device("auto") == open_device("cuda") == torch.device("cuda", 0)
    with pytest.raises(AcceleratorUnavailable, match="numbered from 0"):
        open_device(f"cuda:{torch.cuda.device_count()}")


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "cpu:1", "auto:0", ""])
def test_no_device_at_all(wanted: str) -> None:
    with pytest.raises(SettingsError, match=r"auto, cpu, cuda or cuda:N"):
        open_device(wanted)


def test_what_the_cuda_provider_is_told() -> None:
    gpu, card = torch.device("cuda", 1), tiny_card()
    (name, given), (fallback, _) = providers(NetworkOptions(), card, gpu, 0x5EED)
    assert (name, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert given["device_id"] == "1" and given["user_compute_stream"] == str(0x5EED)
    assert given["use_tf32"] == given["enable_cuda_graph"] == "0"
    (_, quick), _ = providers(NetworkOptions(Precision.TF32, cuda_graphs=True), card, gpu, 1)
    assert quick["use_tf32"] == quick["enable_cuda_graph"] == "1"
    assert providers(NetworkOptions(), card, torch.device("cpu"), None) == [("CPUExecutionProvider", {})]


def test_tensorrt_says_what_it_lacks() -> None:
    options = NetworkOptions(backend=Backend.TENSORRT)
    with pytest.raises(SettingsError, match="needs a GPU"):
        providers(options, tiny_card(), torch.device("cpu"), None)
    if "TensorrtExecutionProvider" not in onnxruntime.get_available_providers():
        with pytest.raises(AcceleratorUnavailable, match="no TensorRT provider"):
            providers(options, tiny_card(), torch.device("cuda", 0), 1)


@ON_CUDA
def test_tensorrt_on_a_gpu(tiny_model: Path, tmp_path: Path) -> None:
    """Builds its engine where TensorRT is installed; elsewhere it is an error that says so."""
    lanes = lanes_of("cuda")
    with pytest.raises(SettingsError, match="engine_cache"):
        BoundNetwork(tiny_model, lanes, NetworkOptions(backend=Backend.TENSORRT))
    options = NetworkOptions(backend=Backend.TENSORRT, engine_cache=tmp_path, max_batch=8)
    try:
        network = BoundNetwork(tiny_model, lanes, options)
    except GenredError as error:
        assert isinstance(error, AcceleratorUnavailable), error
        pytest.skip(f"no TensorRT: {error}")
    assert network.provider == "TensorrtExecutionProvider"
    windows = some_windows(5)
    np.testing.assert_allclose(scores_of(network, windows, lanes), [tiny_scores(w) for w in windows], atol=5e-3)


def test_the_daemon_starts_without_torch() -> None:
    """Whatever the command line and the engine import, torch and the GPU modules are not among it."""
    code = (
        "import sys, daemon.cli, daemon.assembly, daemon.service, daemon.engine\n"
        "print([name for name in sys.modules if name.startswith(('torch', 'daemon.gpu'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

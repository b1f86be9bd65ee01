"""The graph for OpenVINO is the file's: run by plain onnxruntime in float32 it gives the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from daemon import openvino_graph
from daemon.errors import ModelRefused
from daemon.inference import OnnxModel
from daemon.openvino_graph import bf16_graph
from models.card import Carry
from models.card_file import read_card
from models.catalogue import pretrained_models
from tests.tiny_model import tiny_card, tiny_graph, tiny_scores

SHIPPED = pytest.mark.parametrize("path", pretrained_models(), ids=lambda path: path.stem)
Frames = npt.NDArray[np.float32]


def frames(n_blocks: int) -> Frames:
    """Numbers like a log-mel spectrum's, with a silence: (n_blocks * 125, 96)."""
    made = (4 * np.random.default_rng(5).random((n_blocks * 125, 96)) ** 2).astype(np.float32)
    made[200:300] = 0
    return made


def run(graph: bytes, given: dict[str, Frames]) -> list[Frames]:
    """All outputs, by the processor in float32."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    found: list[Frames] = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"]).run(None, given)
    return found


def stream(graph: bytes, model: OnnxModel) -> float:
    """Largest difference from the file's own scores and carries, over some windows."""
    heard, worst = frames(6), 0.0
    wanted, carry = model.scores_and_carries(heard[np.newaxis, :250], None)
    own = carry
    for start in range(125, len(heard) - 125, 125):
        window = heard[np.newaxis, start : start + 250]
        wanted, carry = model.scores_and_carries(window, carry)
        found, own = run(graph, {"log_mel": window, "carried": own})
        worst = max(worst, float(np.abs(found - wanted).max()))
        np.testing.assert_allclose(own, carry, rtol=0, atol=1e-4 if worst < 1e-5 else 2)
    return worst


@SHIPPED
def test_the_surgery_keeps_the_function(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_graph, "_round_weights", lambda graph: None)
    assert stream(bf16_graph(path.read_bytes(), read_card(path)), OnnxModel(path, "cpu")) < 1e-6


@SHIPPED
def test_rounding_the_weights_moves_scores_little(path: Path) -> None:
    assert 1e-6 < stream(bf16_graph(path.read_bytes(), read_card(path)), OnnxModel(path, "cpu")) < 5e-3


@SHIPPED
def test_the_graph_is_one_that_openvino_computes_right(path: Path) -> None:
    graph = onnx.load_from_string(bf16_graph(path.read_bytes(), read_card(path))).graph
    constants = {entry.name for entry in graph.initializer}
    assert not constants & {entry.name for entry in graph.input}  # no defaults
    assert not any(node.op_type == "If" for node in graph.node)
    assert not any(node.op_type == "MatMul" and node.input[0] in constants for node in graph.node)
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:  # OpenVINO cannot load a maximum along what was just put one after the other
        if node.op_type == "ReduceMax" and made_by[node.input[0]].op_type == "Concat":
            axes = next(numpy_helper.to_array(entry) for entry in graph.initializer if entry.name == node.input[1])
            assert onnx.helper.get_node_attr_value(made_by[node.input[0]], "axis") not in axes
    assert [entry.type.tensor_type.shape.dim[0].dim_value for entry in (*graph.input, *graph.output)] == [1, 1, 1, 1]


def test_a_network_without_a_carry() -> None:
    graph = bf16_graph(tiny_graph().SerializeToString(), tiny_card())
    window = frames(2)[:250]
    np.testing.assert_allclose(run(graph, {"log_mel": window[np.newaxis]})[0][0], tiny_scores(window), atol=1e-5)


def test_a_carry_that_is_made_otherwise_is_refused() -> None:
    card = replace(tiny_card(), carry=Carry("carried", "carry"))
    with pytest.raises(ModelRefused, match="its carry 'carried' is not what 'genred export' makes"):
        bf16_graph(tiny_graph().SerializeToString(), card)

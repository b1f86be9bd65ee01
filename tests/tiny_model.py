"""A tiny true ONNX network with a card, made on the spot: quick, and its answer is known in closed form.

score(label i) = sigmoid(mean over frames and the label's own band of mels, minus an offset): tones in different
bands of the spectrum are its genres.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.card import Card, Label
from models.card_file import write_model
from models.front_ends.spec import MUSICNN_FRONT_END

LABELS = (Label("low", "genre"), Label("middle", "genre"), Label("high", "genre"), Label("bright", "mood"))
OTHER_LABELS = (Label("high", "mood"), Label("odd", "genre"), Label("low", "genre"), Label("dull", "other"))
BANDS = ((0, 32), (32, 64), (64, 96), (48, 96))
OFFSET = 2.0


def tiny_graph(offset: float = OFFSET) -> onnx.ModelProto:
    """The network: (batch, frames, 96) -> (batch, 4)."""
    weights = np.zeros((96, len(LABELS)), np.float32)
    for label, (start, stop) in enumerate(BANDS):
        weights[start:stop, label] = 1 / (stop - start)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["log_mel"], ["mean"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["bands"]),
            helper.make_node("Sub", ["bands", "offset"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["scores"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["batch", "frames", 96])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array(offset, np.float32), "offset"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def tiny_scores(window: npt.NDArray[np.float32], offset: float = OFFSET) -> npt.NDArray[np.float32]:
    """What the network answers to one window (frames, 96), by numpy."""
    mean = window.mean(axis=0)
    logits = np.array([mean[start:stop].mean() - offset for start, stop in BANDS])
    scores: npt.NDArray[np.float32] = (1 / (1 + np.exp(-logits))).astype(np.float32)
    return scores


def tiny_card(offset: float = OFFSET) -> Card:
    """Its card, golden pair included."""
    golden = np.random.default_rng(7).uniform(0, 5, (250, 96)).astype(np.float32)
    return Card(
        name="tiny",
        version="1",
        labels=LABELS,
        front_end=MUSICNN_FRONT_END,
        golden_input=golden,
        golden_output=tiny_scores(golden, offset),
        licence="Apache-2.0",
        provenance={"made": "in a test"},
        training={},
    )


def write_tiny_model(path: Path, offset: float = OFFSET, **changes: object) -> Path:
    """Write the model to `path`, its card changed by `changes`; another `offset` gives other scores."""
    write_model(tiny_graph(offset), replace(tiny_card(offset), **changes), path)  # type: ignore[arg-type]
    return path

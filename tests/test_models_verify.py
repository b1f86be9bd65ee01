"""`genred models verify`: what a model's file alone can prove, and what it says where it cannot."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from daemon.errors import ModelRefused
from daemon.inference import OnnxModel
from daemon.prove_model import prove
from models.card_file import write_model
from models.catalogue import pretrained_models
from models.seal import BLANK, SEAL_KEY, seal_holds, sealed
from tests.process import genred
from tests.tiny_model import tiny_card, tiny_graph, write_tiny_model


def refusal(path: Path) -> str:
    """Why the proof fails: one line that names the file."""
    with pytest.raises(ModelRefused) as refused:
        prove(OnnxModel(path, "cpu"))
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    return str(refused.value)


def test_a_good_file_proves_itself(tiny_model: Path) -> None:
    proof = prove(OnnxModel(tiny_model, "cpu"))
    assert proof.sealed is True
    assert proof.batch_deviation < 1e-6
    done = genred("models", "verify", str(tiny_model))
    assert done.returncode == 0
    assert "batches of 1 and 3 agree" in done.stdout and "bytes as written" in done.stdout


def test_a_flipped_bit_that_the_golden_check_does_not_see_is_found(tiny_model: Path, tmp_path: Path) -> None:
    content = bytearray(tiny_model.read_bytes())
    weight = next(w for w in onnx.load(tiny_model).graph.initializer if w.name == "weights")
    content[content.find(weight.raw_data)] ^= 1  # the last bit of one weight's fraction
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(content)
    assert OnnxModel(damaged, "cpu").golden_deviation < 1e-3
    assert "checksum does not fit" in refusal(damaged)
    done = genred("models", "verify", str(damaged), str(tiny_model))
    assert done.returncode == 78
    assert "FAIL damaged" in done.stdout and "ok   tiny" in done.stdout


def test_a_file_without_a_checksum_says_so(tmp_path: Path, tiny_model: Path) -> None:
    model = onnx.load(tiny_model)
    kept = {entry.key: entry.value for entry in model.metadata_props if entry.key != SEAL_KEY}
    onnx.helper.set_model_props(model, kept)
    onnx.save(model, tmp_path / "old.onnx")
    proof = prove(OnnxModel(tmp_path / "old.onnx", "cpu"))
    assert proof.sealed is None and "no checksum" in str(proof)


def test_a_network_of_one_window_at_a_time_is_refused(tmp_path: Path) -> None:
    graph = tiny_graph()
    graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    write_model(graph, tiny_card(), tmp_path / "single.onnx")
    assert "3 windows at once cannot be scored" in refusal(tmp_path / "single.onnx")


def test_a_network_whose_windows_disturb_one_another_is_refused(tmp_path: Path) -> None:
    graph = tiny_graph()
    mean = onnx.helper.make_node("ReduceMean", ["log_mel"], ["mean"], axes=[0, 1], keepdims=0)
    expand = onnx.helper.make_node("Unsqueeze", ["mean", "zero"], ["mean_row"])
    spread = onnx.helper.make_node("Expand", ["mean_row", "batch_shape"], ["spread"])
    graph.graph.node[0].CopyFrom(mean)
    graph.graph.node[1].input[0] = "spread"
    for place, node in enumerate((expand, *_batch_shape(), spread), 1):
        graph.graph.node.insert(place, node)
    for name, values in (("zero", [0]), ("mels", [96])):
        graph.graph.initializer.append(numpy_helper.from_array(np.array(values), name))
    path = tmp_path / "mixing.onnx"
    write_model(graph, tiny_card(), path)
    assert "change by" in refusal(path)


def _batch_shape() -> list[onnx.NodeProto]:
    return [
        onnx.helper.make_node("Shape", ["log_mel"], ["rows"], start=0, end=1),
        onnx.helper.make_node("Concat", ["rows", "mels"], ["batch_shape"], axis=0),
    ]


def test_scores_that_are_none_are_refused(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "softmax.onnx", activation="softmax")
    assert "do not add up to 1" in refusal(path)


def test_the_shipped_models_prove_themselves() -> None:
    done = genred("models", "verify")
    assert done.returncode == 0, done.stderr
    said = [line.split()[:2] for line in done.stdout.splitlines()]
    assert said == [["ok", path.stem] for path in pretrained_models()]


@given(before=st.binary(max_size=200), after=st.binary(max_size=200), place=st.integers(0, 10_000))
def test_any_changed_byte_breaks_the_seal(before: bytes, after: bytes, place: int) -> None:
    entry = bytes((0x0A, len(SEAL_KEY))) + SEAL_KEY.encode() + bytes((0x12, len(BLANK))) + BLANK.encode()
    content = sealed(before + entry + after)
    assert len(content) == len(before + entry + after)
    assert seal_holds(content) is True
    changed = bytearray(content)
    changed[place % len(content)] ^= 0x10
    assert seal_holds(bytes(changed)) is not True


def test_what_has_no_place_for_a_checksum_cannot_be_sealed() -> None:
    assert seal_holds(hashlib.sha256(b"").digest()) is None
    with pytest.raises(ValueError, match=SEAL_KEY):
        sealed(b"no metadata")

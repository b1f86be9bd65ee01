"""Which version of ONNX's operators a graph is written in: the newest that this machine's tools and runtime take."""

import logging

import numpy as np
import onnx
import onnx_ir
from onnx import helper, numpy_helper
from onnxscript import version_converter

from export.convert.runtime import cpu_session, first_line
from export.errors import InputUnusable

OLDEST = 18  # what the exporter traces to


class _NotTaken(Exception):
    """A step that does not know this version; the message is its own."""


def at_newest_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` in the newest opset that the exporter can write and ONNX Runtime loads: found by trying, newest first."""
    for version in range(onnx.defs.onnx_opset_version(), OLDEST, -1):
        try:
            return _converted(model, version)
        except _NotTaken:
            continue
    return model


def at_opset(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """`model` in opset `version`; InputUnusable, saying why, where that cannot be written or loaded."""
    try:
        return _converted(model, version)
    except _NotTaken as error:
        raise InputUnusable(f"--opset {version}: {error}; leave it out for the newest that works") from None


def newest_to_quantise(most: int) -> int:
    """The newest opset up to `most` whose quantisation ONNX Runtime computes here; it may load newer ones without."""
    return next((version for version in range(most, OLDEST, -1) if _quantises(version)), OLDEST)


def opset_of(model: onnx.ModelProto) -> int:
    """The opset of ONNX's own operators."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def _quantises(version: int) -> bool:
    scale, zero = (
        numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
        numpy_helper.from_array(np.array(0, np.uint8), "zero"),
    )
    nodes = [
        helper.make_node("QuantizeLinear", ["given", "scale", "zero"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["found"]),
    ]
    given, found = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in ("given", "found"))
    graph = helper.make_graph(nodes, "quantised", [given], [found], [scale, zero])
    try:
        cpu_session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10))
    except Exception:  # onnxruntime's exceptions share no base class
        return False
    return True


def _converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """`model` itself where it is of `version` already."""
    if version < OLDEST:
        raise _NotTaken(f"the oldest that can be written is {OLDEST}")
    # It warns of every version that onnxscript leaves to onnx's own converter.
    for name in ("onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        graph = onnx_ir.from_proto(model)
        version_converter.convert_version(graph, version, fallback=True)
        converted = onnx_ir.to_proto(graph)
        if opset_of(converted) != version:
            raise _NotTaken("onnx cannot convert to it")
        onnx.checker.check_model(converted, full_check=True)
        cpu_session(converted)
    except _NotTaken:
        raise
    except Exception as error:  # onnx's, onnxscript's and onnxruntime's exceptions share no base class
        raise _NotTaken(first_line(error)) from None
    return converted

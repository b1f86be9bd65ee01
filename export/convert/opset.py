"""Which version of ONNX's operators a graph is written in: the newest that this machine's tools and runtime take."""

import logging

import onnx
import onnx_ir
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


def opset_of(model: onnx.ModelProto) -> int:
    """The opset of ONNX's own operators."""
    return next(int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


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

"""A float32 graph in 16-bit floating point: the weights and all that is between them; input and output stay float32."""

from typing import Final, Literal

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.convert.runtime import loads
from export.errors import DependencyMissing

Half = Literal["fp16", "bf16"]

_TYPES: Final = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
_ARRAYS: Final = {"fp16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}


def half_graph(model: onnx.ModelProto, precision: Half) -> onnx.ModelProto:
    """`model`, of one input and one output, in `precision`.

    DependencyMissing where this ONNX Runtime has no kernels for it on the CPU (of bfloat16 it has next to none).
    """
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    graph = halved.graph
    for weight in graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            _halve(weight, precision)
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value" and attribute.t.data_type == TensorProto.FLOAT:
                _halve(attribute.t, precision)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = _TYPES[precision]
    _cast_ends(graph, precision)
    del graph.value_info[:]  # inferred anew by whoever loads it
    failure = loads(halved)
    if failure is not None:
        raise DependencyMissing(_cannot_run(precision, failure))
    return halved


def _halve(tensor: TensorProto, precision: Half) -> None:
    values = numpy_helper.to_array(tensor)
    largest = np.finfo(np.float16).max if precision == "fp16" else np.finfo(np.float32).max
    tensor.CopyFrom(numpy_helper.from_array(values.clip(-largest, largest).astype(_ARRAYS[precision]), tensor.name))


def _cast_ends(graph: onnx.GraphProto, precision: Half) -> None:
    """What comes in is rounded first; what goes out is widened last."""
    given, found = graph.input[0].name, graph.output[0].name
    inside = {name: f"{name}/{precision}" for name in (given, found)}
    for node in graph.node:
        node.input[:] = [inside.get(name, name) for name in node.input]
        node.output[:] = [inside.get(name, name) for name in node.output]
    graph.node.insert(0, helper.make_node("Cast", [given], [inside[given]], to=_TYPES[precision]))
    graph.node.append(helper.make_node("Cast", [inside[found]], [found], to=TensorProto.FLOAT))


def _cannot_run(precision: Half, failure: str) -> str:
    said = f"--precision {precision}: ONNX Runtime cannot run such a graph on this CPU ({failure})"
    if precision == "bf16":
        said += '; a daemon with engine.precision = "bf16" computes any float32 model in bfloat16, through OpenVINO'
    return said

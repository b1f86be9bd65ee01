"""A model file's graph as OpenVINO computes it right, and in bfloat16. The same function, but for the rounded weights.

What it does otherwise (2025.4, measured):
- an optional input is ignored, and a default that is left in the graph corrupts the heap;
- an `If` whose branches have a free batch size answers with the wrong branch;
- a product whose left side is a constant is computed in float32, whatever the precision asked for.

Needs the `onnx` package (extra `openvino`), which is imported where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from daemon.bf16_weights import Weights, rounded_along
from daemon.errors import ModelRefused
from models.card import Card, Carry

if TYPE_CHECKING:
    import onnx

PASSED_ON_OVER_TIME = 0.5  # long filters: all of it would lift the noise of quick changes (white noise: .005)
_LONG_TAPS = 16
_ONE = "genred/one"


def bf16_graph(content: bytes, card: Card) -> bytes:
    """The ONNX file `content`, which takes one window, its carry required.

    ModelRefused for a carry that is not optional in the way that `genred export` makes it.
    """
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    if card.carry is not None:
        _require_carry(graph, card.carry)
    for entry in (*graph.input, *graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 1
    _fold_slices(graph)
    _drop_unused(graph)
    _round_weights(graph)
    _hide_left_sides(graph, card.input_name)
    del graph.value_info[:]  # of other shapes
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _require_carry(graph: onnx.GraphProto, carry: Carry) -> None:
    """Take out the branch that makes a carry where none is given."""
    for node in graph.node:
        if node.op_type == "If" and _hands_through(node, carry.input_name):
            for other in graph.node:
                other.input[:] = [carry.input_name if name == node.output[0] else name for name in other.input]
            graph.node.remove(node)
            default = next(entry for entry in graph.initializer if entry.name == carry.input_name)
            graph.initializer.remove(default)
            return
    raise ModelRefused(f"its carry {carry.input_name!r} is not what 'genred export' makes; use engine.precision fp32")


def _hands_through(node: onnx.NodeProto, name: str) -> bool:
    """Whether the `If` node's branch for false is `name` and nothing else."""
    branches = {attribute.name: attribute.g for attribute in node.attribute}
    inner = branches["else_branch"].node
    return len(inner) == 1 and inner[0].op_type == "Identity" and list(inner[0].input) == [name]


def _fold_slices(graph: onnx.GraphProto) -> None:
    """Parts of weights become weights."""
    from onnx import numpy_helper

    constants = {entry.name: entry for entry in graph.initializer}
    for node in list(graph.node):
        if node.op_type == "Slice" and all(name in constants for name in node.input):
            whole, *bounds = (numpy_helper.to_array(constants[name]) for name in node.input)
            part = numpy_helper.from_array(_slice(whole, *bounds), node.output[0])
            graph.initializer.append(part)
            constants[part.name] = part
            graph.node.remove(node)


def _slice(
    whole: Weights,
    starts: Weights,
    stops: Weights,
    axes: Weights | None = None,
    steps: Weights | None = None,
) -> Weights:
    """ONNX's Slice, by numpy's: the two read negative and too large numbers alike."""
    along = range(len(starts)) if axes is None else axes.tolist()
    by = [1] * len(starts) if steps is None else steps.tolist()
    cuts = [slice(None)] * whole.ndim
    for axis, start, stop, step in zip(along, starts.tolist(), stops.tolist(), by, strict=True):
        cuts[axis] = slice(start, stop, step)
    return np.ascontiguousarray(whole[tuple(cuts)])


def _drop_unused(graph: onnx.GraphProto) -> None:
    needed = {entry.name for entry in graph.output}
    for node in reversed(list(graph.node)):
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
    for entry in list(graph.initializer):
        if entry.name not in needed:
            graph.initializer.remove(entry)


def _round_weights(graph: onnx.GraphProto) -> None:
    """Filters over time to bfloat16, better than OpenVINO would. What has no neighbours in time is left to it."""
    from onnx import numpy_helper

    constants = {entry.name: entry for entry in graph.initializer}
    done = set[str]()
    for node in graph.node:
        name = {"Conv": 1, "MatMul": 0}.get(node.op_type)
        weights = None if name is None else constants.get(node.input[name])
        if weights is None or weights.name in done:
            continue
        values = numpy_helper.to_array(weights)
        if node.op_type == "Conv":
            axis = int(np.argmax(values.shape[2:])) + 2  # kernels are over time, or over more time than anything else
            passed_on = PASSED_ON_OVER_TIME if values.shape[axis] > _LONG_TAPS else 1.0
            values = rounded_along(values, axis, passed_on)
        elif values.ndim > 2:  # a batch of products: spectra, their taps last
            values = rounded_along(values, values.ndim - 1)
        weights.CopyFrom(numpy_helper.from_array(values, weights.name))
        done.add(weights.name)


def _hide_left_sides(graph: onnx.GraphProto, input_name: str) -> None:
    """Constants on the left of a product are multiplied by a 1 that is made from the input: so they are none."""
    from onnx import helper, numpy_helper

    lefts = [node.input[0] for node in graph.node if node.op_type == "MatMul"]
    constants = {entry.name: entry for entry in graph.initializer}
    hidden = [name for name in dict.fromkeys(lefts) if name in constants]
    if not hidden:
        return
    shape = next(entry for entry in graph.input if entry.name == input_name).type.tensor_type.shape
    rank = len(shape.dim)
    numbers_of: dict[str, npt.NDArray[Any]] = {
        "first": np.zeros(rank, np.int64),
        "stop": np.ones(rank, np.int64),
        "axes": np.arange(rank, dtype=np.int64),
        "scalar": np.array([1], np.int64),
        "plus": np.array([1], np.float32),
    }
    for name, numbers in numbers_of.items():
        graph.initializer.append(numpy_helper.from_array(numbers, f"{_ONE}/{name}"))
    made = [
        helper.make_node("Slice", [input_name, f"{_ONE}/first", f"{_ONE}/stop", f"{_ONE}/axes"], [f"{_ONE}/value"]),
        helper.make_node("Reshape", [f"{_ONE}/value", f"{_ONE}/scalar"], [f"{_ONE}/flat"]),
        helper.make_node("Abs", [f"{_ONE}/flat"], [f"{_ONE}/positive"]),
        helper.make_node("Add", [f"{_ONE}/positive", f"{_ONE}/plus"], [f"{_ONE}/above"]),
        helper.make_node("Sign", [f"{_ONE}/above"], [_ONE]),
    ]
    for name in hidden:
        constants[name].name = f"{name}/constant"
        made.append(helper.make_node("Mul", [f"{name}/constant", _ONE], [name]))
    for node in reversed(made):
        graph.node.insert(0, node)

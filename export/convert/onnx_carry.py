"""A graph that carries something from one window to the next, as one that also works without it.

Its input `carried` becomes optional: by default it is empty, and then the graph computes it itself, in an `If`. So the
file is a plain network (a window in, scores out) for whoever knows no better, and a cheaper one for whoever keeps the
carry.
"""

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from export.convert.onnx_graph import within
from export.convert.runtime import cpu_session
from models.card import Card, Carry

_PREFIX = "first/"  # of all that belongs to the branch: an inner graph may not name what the outer one has


def optional_carry(model: onnx.ModelProto, first: onnx.ModelProto, carry_input: str) -> onnx.ModelProto:
    """`model` with its input `carry_input` (batch, n) optional; `first` maps its other inputs to the same.

    Weights that both have are kept once.
    """
    merged = onnx.ModelProto()
    merged.CopyFrom(model)
    graph = merged.graph
    given = next(entry for entry in graph.input if entry.name == carry_input)
    size = given.type.tensor_type.shape.dim[1].dim_value
    inside = f"{carry_input}/known"
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == carry_input:
                node.input[place] = inside
    # the carry's batch is its own: none, or the windows'
    given.CopyFrom(helper.make_tensor_value_info(carry_input, TensorProto.FLOAT, ["carried_batch", size]))
    graph.initializer.append(numpy_helper.from_array(np.empty((0, size), np.float32), carry_input))
    no_carry = f"{carry_input}/is_empty"
    zero = f"{carry_input}/zero"
    graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), zero))
    known = helper.make_graph(
        [helper.make_node("Identity", [carry_input], [f"{inside}/given"])],
        "given",
        [],
        [helper.make_tensor_value_info(f"{inside}/given", TensorProto.FLOAT, ["batch", size])],
    )
    nodes = [
        helper.make_node("Shape", [carry_input], [f"{carry_input}/batch"], start=0, end=1),
        helper.make_node("Equal", [f"{carry_input}/batch", zero], [no_carry]),
        helper.make_node(
            "If",
            [no_carry],
            [inside],
            then_branch=_branch(first.graph, graph),
            else_branch=known,
            name=f"{carry_input}/if_empty",
        ),
    ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.value_info[:]  # inferred anew by whoever loads it
    onnx.checker.check_model(merged, full_check=True)
    return merged


def _branch(inner: onnx.GraphProto, outer: onnx.GraphProto) -> onnx.GraphProto:
    """`inner` as a branch inside `outer`: it takes its inputs, and the weights that are the same, from there."""
    known = {entry.name: entry.name for entry in inner.input}
    weights = {_content(entry): entry.name for entry in outer.initializer}
    own = []
    for entry in inner.initializer:
        if _content(entry) in weights:
            known[entry.name] = weights[_content(entry)]
        else:
            own.append(entry)

    def named(name: str) -> str:
        return known.get(name, _PREFIX + name) if name else name

    branch = onnx.GraphProto(name="first")
    for node in inner.node:
        copy = branch.node.add()
        copy.CopyFrom(node)
        copy.name = _PREFIX + node.name
        copy.input[:] = [named(name) for name in node.input]
        copy.output[:] = [named(name) for name in node.output]
    for entry in own:
        copy_of_weight = branch.initializer.add()
        copy_of_weight.CopyFrom(entry)
        copy_of_weight.name = named(entry.name)
    for output in inner.output:
        copy_of_output = branch.output.add()
        copy_of_output.CopyFrom(output)
        copy_of_output.name = named(output.name)
    return branch


def _content(weight: TensorProto) -> tuple[int, tuple[int, ...], bytes]:
    """What makes two weights the same."""
    return weight.data_type, tuple(weight.dims), numpy_helper.to_array(weight).tobytes()


def check_carry(
    model: onnx.ModelProto, card: Card, carry: Carry, reference: nn.Module, tolerance: float, seed: int = 1
) -> float:
    """Run streams of some windows, each with the carry of the one before; the largest difference from `reference`.

    ParityError beyond `tolerance`.
    """
    session = cpu_session(model)
    random = np.random.default_rng(seed)
    hop = card.frames_per_hop
    frames = (4 * random.random((2, 6 * hop, card.front_end.n_mels)) ** 2).astype(np.float32)
    frames[1, 2 * hop : 4 * hop] = 0  # silence in the middle of one
    carried: dict[str, npt.NDArray[np.float32]] = {}
    differences = []
    for start in range(0, frames.shape[1] - hop, hop):
        windows = np.ascontiguousarray(frames[:, start : start + card.frames_per_window])
        found, kept = session.run([card.output_name, carry.output_name], {card.input_name: windows, **carried})
        carried = {carry.input_name: kept}
        with torch.inference_mode():
            wanted = reference.eval()(torch.from_numpy(windows)).numpy()
        differences.append(np.abs(found - wanted).max())
    return within(float(np.max(differences)), tolerance)

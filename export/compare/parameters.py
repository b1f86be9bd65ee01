"""How large a model is: numbers that it has learnt."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Final

import onnx
from onnx import AttributeProto, TensorProto

from export.evaluate.onnx_scorer import OnnxScorer
from export.evaluate.scoring import Scorer
from export.evaluate.torch_scorer import TorchScorer

_FLOATS: Final = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_EIGHT_BITS: Final = (TensorProto.INT8, TensorProto.UINT8)


def parameters_of(scorer: Scorer) -> int:
    """Of a checkpoint all its weights; of an ONNX file the numbers in its constants, which are about as many:
    norms are folded into other layers there, and tables of the graph are counted too.
    """
    if isinstance(scorer, TorchScorer):
        return scorer.parameters
    assert isinstance(scorer, OnnxScorer)
    return graph_parameters(scorer.path)


def graph_parameters(path: Path) -> int:
    """Of a readable ONNX file: elements of its initialisers of a float kind, and of matrices of 8-bit integers, which
    are weights that were quantised.
    """
    graph = onnx.load(path, load_external_data=False).graph
    return sum(prod(each.dims) for each in _initialisers(graph) if _is_weight(each))


def _is_weight(tensor: TensorProto) -> bool:
    quantised = tensor.data_type in _EIGHT_BITS and len(tensor.dims) > 1
    return tensor.data_type in _FLOATS or quantised


def _initialisers(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Those of its branches, too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _initialisers(attribute.g)

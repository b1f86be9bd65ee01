"""A torch module -> a checked ONNX graph with a free batch size, and the proof that it computes the same."""

import logging
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from export.convert.runtime import cpu_session
from export.errors import ProofFailed

_OPSET = 18


class ParityError(ProofFailed):
    """The ONNX graph does not compute what the torch module computes."""


def to_onnx(
    module: nn.Module, input_shapes: Mapping[str, Sequence[int]], output_names: Sequence[str]
) -> onnx.ModelProto:
    """Trace `module`, whose inputs are float32 (batch, *shape) in that order, with any batch from 1 up."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports absent packages nobody asked for
    examples = tuple(torch.rand(2, *shape) for shape in input_shapes.values())
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            module.eval(),
            examples,
            input_names=list(input_shapes),
            output_names=list(output_names),
            dynamic_shapes=tuple({0: batch} for _ in examples),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def check_parity(
    model: onnx.ModelProto, reference: nn.Module, input_shape: tuple[int, ...], tolerance: float, seed: int = 0
) -> float:
    """Run both on random windows, batches of 1 and 3, and return the largest difference.

    The windows look like log-mel spectra (0..4, and one of silence). Raises ParityError beyond `tolerance`.
    """
    session = cpu_session(model)
    random = np.random.default_rng(seed)
    differences = []
    for batch in (1, 3):
        windows = (4 * random.random((batch, *input_shape)) ** 2).astype(np.float32)
        windows[0] *= batch == 1
        found: npt.NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: windows})[0]
        with torch.inference_mode():
            wanted = reference.eval()(torch.from_numpy(windows)).numpy()
        differences.append(np.abs(found - wanted).max())
    return within(float(np.max(differences)), tolerance)  # NaN if any is, unlike Python's max


def within(worst: float, tolerance: float) -> float:
    """`worst`, or ParityError when it is beyond `tolerance`."""
    if not worst <= tolerance:  # also when it is not a number
        said = f"the ONNX graph differs from the torch network by {worst:.2g}, allowed: {tolerance:.0e}"
        raise ParityError(f"{said}; nothing was written")
    return worst


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes about the machine it ran on: stack traces with paths, versions, module names."""
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""

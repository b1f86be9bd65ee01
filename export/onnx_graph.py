"""A torch module -> a checked ONNX graph with a free batch size, and the proof that it computes the same."""

import logging
import warnings

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import nn

_OPSET = 18


class ParityError(RuntimeError):
    """The ONNX graph does not compute what the torch module computes."""


def to_onnx(module: nn.Module, window_shape: tuple[int, int], input_name: str, output_name: str) -> onnx.ModelProto:
    """Trace `module`, which maps (batch, *window_shape) to (batch, labels), with any batch from 1 up."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports absent packages nobody asked for
    example = torch.rand(2, *window_shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            module.eval(),
            (example,),
            input_names=[input_name],
            output_names=[output_name],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
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
    model: onnx.ModelProto, reference: nn.Module, window_shape: tuple[int, int], tolerance: float, seed: int = 0
) -> float:
    """Run both on random windows, batches of 1 and 3, and return the largest difference.

    The windows look like log-mel spectra (0..4, and one of silence). Raises ParityError beyond `tolerance`.
    """
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    differences = []
    for batch in (1, 3):
        windows = (4 * random.random((batch, *window_shape)) ** 2).astype(np.float32)
        windows[0] *= batch == 1
        found: npt.NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: windows})[0]
        with torch.inference_mode():
            wanted = reference.eval()(torch.from_numpy(windows)).numpy()
        differences.append(np.abs(found - wanted).max())
    worst = float(np.max(differences))  # NaN if any is, unlike Python's max
    if not worst <= tolerance:  # also when it is not a number
        raise ParityError(f"the ONNX graph differs from the torch network by {worst:.2g}, allowed: {tolerance:.0e}")
    return worst


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes about the machine it ran on: stack traces with paths, versions, module names."""
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""

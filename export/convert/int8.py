"""A float32 graph in 8-bit integers: static quantisation by ONNX Runtime, its ranges measured on real windows."""

import logging
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from export.convert.runtime import first_line
from export.errors import ProofFailed

Floats = npt.NDArray[np.float32]
_BATCH: Final = 16


class _Windows(CalibrationDataReader):  # type: ignore[misc]
    """What ONNX Runtime's calibration asks for: one batch after the other."""

    def __init__(self, input_name: str, windows: Floats) -> None:
        self._batches = iter({input_name: windows[start : start + _BATCH]} for start in range(0, len(windows), _BATCH))

    def get_next(self) -> Any:
        """The next batch, or None."""
        return next(self._batches, None)


def int8_graph(model: onnx.ModelProto, windows: Floats) -> onnx.ModelProto:
    """`model` with int8 weights (a scale a channel) and uint8 activations in between; input and output stay float32.

    windows: float32 (n, *input_shape), normalised: what the ranges of the activations are measured on. ProofFailed
    where the graph cannot be quantised.
    """
    logger = logging.getLogger()  # onnxruntime.quantization warns through the root logger
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix="genred-int8-") as folder:
            given, path = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
            onnx.save(model, given)  # given the graph itself, it would move that one's weights into a file
            quantize_static(
                str(given),
                str(path),
                _Windows(model.graph.input[0].name, windows),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            return onnx.load(path)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise ProofFailed(f"--precision int8: the graph cannot be quantised: {first_line(error)}") from None
    finally:
        logger.setLevel(level)

"""One matrix product as an ONNX file, written field by field: the daemon has no package that could."""

from __future__ import annotations

from typing import Any

import numpy as np

# Numbers of the fields in onnx.proto3; 1 is also the type float32.
_IR_VERSION, _GRAPH, _OPSET = 1, 7, 8
_NODE, _NAME_OF_GRAPH, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
_FLOAT = 1


def matmul_model(right: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """An ONNX model: input `left` float32 (n, n) times the constant `right` float32 (n, n) -> `product`."""
    node = _bytes(1, b"left") + _bytes(1, b"right") + _bytes(2, b"product") + _bytes(4, b"MatMul")
    constant = b"".join(_number(1, size) for size in right.shape) + _number(2, _FLOAT) + _bytes(8, b"right")
    graph = (
        _bytes(_NODE, node)
        + _bytes(_NAME_OF_GRAPH, b"product")
        + _bytes(_INITIALIZER, constant + _bytes(9, right.tobytes()))
        + _bytes(_INPUT, _matrix(b"left", right.shape[0]))
        + _bytes(_OUTPUT, _matrix(b"product", right.shape[0]))
    )
    return _number(_IR_VERSION, 8) + _bytes(_GRAPH, graph) + _bytes(_OPSET, _number(2, 17))


def _matrix(name: bytes, side: int) -> bytes:
    dimension = _bytes(1, _number(1, side))
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, dimension * 2)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])

"""Typed look-ups in the JSON object of a card, and its base64 arrays: each ValueError names the field."""

import base64
import binascii
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", str, int)


def required(fields: Mapping[str, object], key: str, where: str) -> object:
    """The value of `key`; ValueError naming it where it is absent."""
    if key not in fields:
        raise ValueError(f"{where} lacks the field {key!r}")
    return fields[key]


def typed(fields: Mapping[str, object], key: str, kind: type[T], where: str) -> T:
    """The value of `key`, which must be a `kind` (a JSON true is no int)."""
    value = required(fields, key, where)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}: {key!r} must be a {kind.__name__}, not {value!r:.60}")
    return value


def number(fields: Mapping[str, object], key: str, where: str) -> float:
    """The value of `key` as a finite float."""
    value = required(fields, key, where)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{where}: {key!r} must be a finite number, not {value!r:.60}")
    return float(value)


def as_mapping(value: object, what: str) -> Mapping[str, object]:
    """`value` if it is a JSON object (its keys are then strings)."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object, not {value!r:.60}")
    return value


def encode_array(values: npt.NDArray[np.float32]) -> str:
    """Little-endian float32 in C order, base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def decode_array(metadata: Mapping[str, str], key: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The finite float32 array of `shape` stored under `key`; read-only."""
    if key not in metadata:
        raise ValueError(f"model metadata lacks {key!r}")
    try:
        raw = base64.b64decode(metadata[key], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{key} is not valid base64: {error}") from None
    expected_bytes = 4 * int(np.prod(shape))
    if len(raw) != expected_bytes:
        raise ValueError(f"{key} holds {len(raw)} bytes; shape {shape} of the card needs {expected_bytes}")
    values = np.frombuffer(raw, dtype="<f4").reshape(shape)
    if not np.isfinite(values).all():
        raise ValueError(f"{key} holds values that are not finite")
    return values

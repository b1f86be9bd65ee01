"""CRC-32C (Castagnoli, RFC 3720 appendix B.4) and LevelDB's masking of it, in numpy.

A byte at a time in Python takes minutes for the megabytes of a checkpoint. A CRC is linear over GF(2), so the
data is cut into equal columns whose remainders advance together, a byte of each at every step; the remainders are
then joined, each shifted over the bytes that follow it by a 32 x 32 bit matrix.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

_POLYNOMIAL: Final = 0x82F63B78  # reflected
_COLUMN_BYTES: Final = 1024
_MASK_DELTA: Final = 0xA282EAD8


def _byte_table() -> npt.NDArray[np.uint32]:
    """The remainder of each byte, uint32 (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


_TABLE: Final = _byte_table()


def crc32c(data: bytes) -> int:
    """CRC-32C of `data`."""
    n_columns = len(data) // _COLUMN_BYTES
    state = 0xFFFFFFFF
    if n_columns:
        state = _crc_of_columns(data, n_columns, state)
    tail: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8, offset=n_columns * _COLUMN_BYTES)
    for byte in tail.tolist():
        state = int(_TABLE[(state ^ byte) & 0xFF]) ^ (state >> 8)
    return state ^ 0xFFFFFFFF


def _crc_of_columns(data: bytes, n_columns: int, state: int) -> int:
    """`state` advanced over the first n_columns * 1024 bytes."""
    body = np.frombuffer(data, np.uint8, n_columns * _COLUMN_BYTES).reshape(n_columns, _COLUMN_BYTES)
    remainders = _advance(np.zeros(n_columns, np.uint32), body)
    over_a_column = _advance(np.uint32(1) << np.arange(32, dtype=np.uint32), np.zeros((32, _COLUMN_BYTES), np.uint8))
    columns_of_matrix = over_a_column.tolist()
    for remainder in remainders.tolist():
        state = _apply(columns_of_matrix, state) ^ remainder
    return state


def masked_crc32c(data: bytes) -> int:
    """LevelDB's stored form: rotated right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def _advance(states: npt.NDArray[np.uint32], columns: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Feed row i of `columns` (n, bytes) to state i (n,)."""
    for step in range(columns.shape[1]):
        states = _TABLE[(states ^ columns[:, step]) & 0xFF] ^ (states >> np.uint32(8))
    return states


def _apply(matrix: list[int], vector: int) -> int:
    """The GF(2) product of a matrix, given by its 32 columns, and a 32-bit vector."""
    product = 0
    for column in matrix:
        if vector & 1:
            product ^= column
        vector >>= 1
    return product

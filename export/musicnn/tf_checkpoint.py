"""Read a TensorFlow V2 checkpoint ("tensor bundle") without TensorFlow.

A prefix P names two sorts of files: P.index, a LevelDB table from tensor names to protobuf entries, and
P.data-00000-of-0000N, the tensors' bytes one after another. Sources of the formats: LevelDB's
doc/table_format.md; TensorFlow's core/lib/io/table_format.txt and core/protobuf/tensor_bundle.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.errors import DependencyMissing
from export.musicnn.crc32c import masked_crc32c
from export.musicnn.protobuf_wire import read_fields, read_varint

_MAGIC: Final = bytes.fromhex("57fb808b247547db")  # LevelDB's table magic, little-endian
_FOOTER_BYTES: Final = 48
_BLOCK_TRAILER_BYTES: Final = 5  # compression type, masked CRC-32C of the contents and that type
_UNCOMPRESSED: Final = 0
# DataType of tensorflow/core/framework/types.proto
_DTYPES: Final = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2"}


class CheckpointError(DependencyMissing):
    """A file is not a checkpoint, or a damaged one; the message says which and where."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """BundleEntryProto: where a tensor's bytes are."""

    dtype: str
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int


def read_checkpoint(prefix: str, skip_suffixes: tuple[str, ...] = ()) -> dict[str, npt.NDArray[np.generic]]:
    """All tensors of the checkpoint `prefix` (a string: it may end with "/"), name -> array.

    Names that end with one of `skip_suffixes` (an optimiser's slots) are left out unread. Every block and every
    tensor is checked against its CRC. Raises CheckpointError, OSError.
    """
    index = Path(prefix + ".index")
    try:
        entries = list(_table_entries(index.read_bytes(), str(index)))
        if not entries or entries[0][0] != b"":
            raise CheckpointError(f"{index}: no bundle header")
        n_shards = _varint_field(read_fields(entries[0][1]), 1, default=1)
        shards = [Path(f"{prefix}.data-{shard:05d}-of-{n_shards:05d}").read_bytes() for shard in range(n_shards)]
        named = [(key.decode(), value) for key, value in entries[1:]]
        wanted = [(name, value) for name, value in named if not name.endswith(skip_suffixes)]
        return {name: _tensor(_entry(value, name), shards, name) for name, value in wanted}
    except CheckpointError:
        raise
    except ValueError as error:  # a varint or a name that cannot be read
        raise CheckpointError(f"{index}: damaged: {error}") from None


def _table_entries(table: bytes, where: str) -> Iterator[tuple[bytes, bytes]]:
    """The key-value pairs of a LevelDB table, in order."""
    if len(table) < _FOOTER_BYTES or table[-len(_MAGIC) :] != _MAGIC:
        raise CheckpointError(f"{where}: not a TensorFlow V2 checkpoint index (no table footer)")
    footer = table[-_FOOTER_BYTES:]
    position = 0
    for _ in range(2):  # the metaindex block's handle, unused
        _, position = read_varint(footer, position)
    for _, handle in _block_entries(_block(table, footer[position:], where)):
        yield from _block_entries(_block(table, handle, where))


def _block(table: bytes, handle: bytes, where: str) -> bytes:
    """The contents of the block that `handle` (offset, size as varints) points at, CRC checked."""
    offset, position = read_varint(handle, 0)
    size, _ = read_varint(handle, position)
    raw = table[offset : offset + size + _BLOCK_TRAILER_BYTES]
    if len(raw) != size + _BLOCK_TRAILER_BYTES:
        raise CheckpointError(f"{where}: block at {offset} reaches beyond the end of the file")
    if masked_crc32c(raw[: size + 1]) != int.from_bytes(raw[-4:], "little"):
        raise CheckpointError(f"{where}: block at {offset} fails its checksum: the file is damaged")
    if raw[size] != _UNCOMPRESSED:
        raise CheckpointError(f"{where}: block at {offset} is compressed (type {raw[size]}), which is not supported")
    return raw[:size]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key-value pairs of a block: each key shares a prefix with the one before it; restart points end the block."""
    n_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (n_restarts + 1)
    position, key = 0, b""
    while position < end:
        n_shared, position = read_varint(block, position)
        n_own, position = read_varint(block, position)
        n_value, position = read_varint(block, position)
        key = key[:n_shared] + block[position : position + n_own]
        position += n_own
        yield key, block[position : position + n_value]
        position += n_value


def _entry(value: bytes, name: str) -> _Entry:
    """Parse a BundleEntryProto: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 crc32c, 7 slices."""
    fields = read_fields(value)
    dtype = _varint_field(fields, 1, default=0)
    if dtype not in _DTYPES or 7 in fields:
        raise CheckpointError(f"tensor {name!r}: dtype {dtype} or its slicing is not supported")
    shape_fields = read_fields(_bytes_field(fields, 2))
    dimensions = [dimension for dimension in shape_fields.get(2, []) if isinstance(dimension, bytes)]
    return _Entry(
        dtype=_DTYPES[dtype],
        shape=tuple(_varint_field(read_fields(dimension), 1, default=0) for dimension in dimensions),
        shard=_varint_field(fields, 3, default=0),
        offset=_varint_field(fields, 4, default=0),
        size=_varint_field(fields, 5, default=0),
        crc=_varint_field(fields, 6, default=0),
    )


def _tensor(entry: _Entry, shards: list[bytes], name: str) -> npt.NDArray[np.generic]:
    """The entry's array, read-only, CRC checked."""
    raw = shards[entry.shard][entry.offset : entry.offset + entry.size] if entry.shard < len(shards) else b""
    if masked_crc32c(raw) != entry.crc:
        raise CheckpointError(f"tensor {name!r} fails its checksum: the data file is damaged or another checkpoint's")
    if len(raw) != np.dtype(entry.dtype).itemsize * int(np.prod(entry.shape)):
        raise CheckpointError(f"tensor {name!r}: {len(raw)} bytes do not fill shape {entry.shape}")
    return np.frombuffer(raw, entry.dtype).reshape(entry.shape)


def _varint_field(fields: dict[int, list[int | bytes]], number: int, default: int) -> int:
    """The last value of a numeric field, as protobuf has it."""
    value = fields.get(number, [default])[-1]
    if not isinstance(value, int):
        raise CheckpointError(f"protobuf field {number} is not a number")
    return value


def _bytes_field(fields: dict[int, list[int | bytes]], number: int) -> bytes:
    """The last value of a length-delimited field; empty where absent."""
    value = fields.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise CheckpointError(f"protobuf field {number} is not a message")
    return value

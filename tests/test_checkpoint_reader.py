"""The reader of TensorFlow's checkpoints: against a bundle written here, byte by byte, and damaged in every way."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.musicnn.crc32c import crc32c, masked_crc32c
from export.musicnn.protobuf_wire import read_fields, read_varint
from export.musicnn.tf_checkpoint import CheckpointError, read_checkpoint

Arrays = Mapping[str, npt.NDArray[np.generic]]
_TF_DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10}
_MAGIC = 0xDB4775248B80FB57


def varint(value: int) -> bytes:
    """Base 128, least significant group first."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    """One protobuf field."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def block(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A LevelDB block with one restart point and shared prefixes, and its trailer."""
    out, before = b"", b""
    for key, value in pairs:
        shared = 0
        while shared < min(len(before), len(key)) and before[shared] == key[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    out += (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
    return out + masked_crc32c(out).to_bytes(4, "little")


def entry(values: npt.NDArray[np.generic], offset: int) -> bytes:
    """BundleEntryProto of an array stored at `offset`."""
    raw = values.tobytes()
    shape = b"".join(field(2, field(1, size)) for size in values.shape)
    crc = varint(6 << 3 | 5) + masked_crc32c(raw).to_bytes(4, "little")
    dtype = field(1, _TF_DTYPES[values.dtype.name])
    return dtype + field(2, shape) + field(4, offset) + field(5, len(raw)) + crc


def write_checkpoint(prefix: Path, arrays: Arrays) -> None:
    """A bundle of one shard, its index cut into blocks of two entries."""
    data, pairs = b"", [(b"", field(1, 1))]
    for name in sorted(arrays):
        pairs.append((name.encode(), entry(arrays[name], len(data))))
        data += arrays[name].tobytes()
    index, handles = b"", []
    for first in range(0, len(pairs), 2):
        chunk = pairs[first : first + 2]
        written = block(chunk)
        handles.append((chunk[-1][0], varint(len(index)) + varint(len(written) - 5)))
        index += written
    directory = block(handles)
    footer = varint(0) + varint(0) + varint(len(index)) + varint(len(directory) - 5)
    footer = footer.ljust(40, b"\0") + _MAGIC.to_bytes(8, "little")
    Path(f"{prefix}.index").write_bytes(index + directory + footer)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)


ARRAYS: Arrays = {
    "conv2d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv2d/kernel/Adam": np.ones(5, np.float32),
    "conv2d_1/bias": np.array([1.5, -2.5]),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.array([True, False]),
    "steps": np.array(7, np.int64),
}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A written checkpoint."""
    write_checkpoint(tmp_path / "model", ARRAYS)
    return tmp_path / "model"


def test_arrays_come_back(prefix: Path) -> None:
    found = read_checkpoint(str(prefix))
    assert set(found) == set(ARRAYS)
    for name, values in ARRAYS.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_slots_are_skipped_unread(prefix: Path) -> None:
    data = Path(f"{prefix}.data-00000-of-00001")
    raw = bytearray(data.read_bytes())
    raw[96] ^= 1  # within conv2d/kernel/Adam
    data.write_bytes(raw)
    assert "conv2d/kernel/Adam" not in read_checkpoint(str(prefix), skip_suffixes=("/Adam",))
    with pytest.raises(CheckpointError, match=r"'conv2d/kernel/Adam' fails its checksum"):
        read_checkpoint(str(prefix))


def test_a_prefix_may_be_a_folder(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "x", ARRAYS)
    for suffix in (".index", ".data-00000-of-00001"):
        (tmp_path / f"x{suffix}").rename(tmp_path / suffix)
    assert set(read_checkpoint(f"{tmp_path}/")) == set(ARRAYS)


def test_every_flipped_byte_of_the_index_is_refused_or_harmless(prefix: Path) -> None:
    index = Path(f"{prefix}.index")
    good = index.read_bytes()
    refused = 0
    for position in range(len(good)):
        index.write_bytes(good[:position] + bytes([good[position] ^ 0x55]) + good[position + 1 :])
        try:
            read_checkpoint(str(prefix))
        except (CheckpointError, FileNotFoundError):
            refused += 1
    assert refused > 0.9 * len(good) - 40  # the footer's padding and the unused metaindex handle may be anything


def cut_index(prefix: Path) -> None:
    index = Path(f"{prefix}.index")
    index.write_bytes(index.read_bytes()[:-1])


def cut_blocks(prefix: Path) -> None:
    index = Path(f"{prefix}.index")
    index.write_bytes(index.read_bytes()[-48:])


def cut_data(prefix: Path) -> None:
    data = Path(f"{prefix}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-1])


def compress(prefix: Path) -> None:
    """Mark the first block as snappy's, with a right checksum."""
    index = Path(f"{prefix}.index")
    raw = bytearray(index.read_bytes())
    size = len(block([(b"", field(1, 1)), (b"conv2d/kernel", entry(ARRAYS["conv2d/kernel"], 0))])) - 5
    raw[size] = 1
    raw[size + 1 : size + 5] = masked_crc32c(bytes(raw[: size + 1])).to_bytes(4, "little")
    index.write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_index, "no table footer"),
        (cut_blocks, "beyond the end"),
        (cut_data, "'steps' fails its checksum"),
        (compress, "is compressed"),
    ],
)
def test_damage_is_named(prefix: Path, damage: Callable[[Path], None], reason: str) -> None:
    damage(prefix)
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(str(prefix))


def test_no_checkpoint_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_checkpoint(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("data", "wanted"),
    [(b"123456789", 0xE3069283), (b"", 0), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
    ids=["check", "empty", "zeros", "ones"],  # RFC 3720, B.4
)
def test_crc_of_the_standard(data: bytes, wanted: int) -> None:
    assert crc32c(data) == wanted


@given(st.binary(max_size=5_000))
def test_crc_is_the_slow_one(data: bytes) -> None:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    assert crc32c(data) == state ^ 0xFFFFFFFF


@given(st.integers(0, 2**63 - 1), st.binary(max_size=3))
def test_varints_come_back(value: int, after: bytes) -> None:
    encoded = varint(value)
    assert read_varint(encoded + after, 0) == (value, len(encoded))


@pytest.mark.parametrize("message", [b"\x80", b"\x80" * 20, b"\x0a\x05ab", b"\x0b", b"\x0d\x01"])
def test_malformed_protobuf_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"varint|cut off|wire type"):
        read_fields(message)

"""The wire format of protocol buffers, as much as it takes to read a message without its classes.

Source: protobuf.dev/programming-guides/encoding. All integers come out unsigned.
"""

from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH_DELIMITED: Final = 2
_FIXED32: Final = 5


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """(value, position after it) of the base-128 integer at `position`. ValueError where `data` ends within it."""
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError(f"a varint is cut off or too long at byte {position}")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def read_fields(message: bytes) -> dict[int, list[int | bytes]]:
    """Field number -> its values in order: int for numbers, bytes for strings and messages. ValueError if malformed."""
    fields: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(message):
        tag, position = read_varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == _VARINT:
            value, position = read_varint(message, position)
        else:
            size, position = _payload_size(message, position, wire_type)
            raw = message[position : position + size]
            if len(raw) != size:
                raise ValueError(f"protobuf field {number} is cut off")
            value = raw if wire_type == _LENGTH_DELIMITED else int.from_bytes(raw, "little")
            position += size
        fields.setdefault(number, []).append(value)
    return fields


def _payload_size(message: bytes, position: int, wire_type: int) -> tuple[int, int]:
    """(bytes of the payload, where it starts)."""
    if wire_type == _LENGTH_DELIMITED:
        return read_varint(message, position)
    if wire_type in (_FIXED64, _FIXED32):
        return (8 if wire_type == _FIXED64 else 4), position
    raise ValueError(f"unknown protobuf wire type {wire_type} at byte {position}")

"""A checksum that a model file carries in its own metadata, so that whoever has the file alone can say it is whole.

The metadata's entry `genred.sha256` is the SHA-256, in hex, of all the file's bytes with these 64 digits as zeros. The
golden check asks whether a network computes rightly; this one also finds a damaged weight that hardly matters.
"""

import hashlib
from typing import Final

SEAL_KEY: Final = "genred.sha256"
BLANK: Final = "0" * 64
# A StringStringEntryProto (onnx.proto): field 1 the key, field 2 the value, both with their lengths.
_HEAD: Final = bytes((0x0A, len(SEAL_KEY))) + SEAL_KEY.encode() + bytes((0x12, len(BLANK)))


def sealed(content: bytes) -> bytes:
    """`content`, an ONNX file whose metadata have `BLANK` under `SEAL_KEY`, with its checksum there. ValueError."""
    place = content.find(_HEAD)
    if place < 0:
        raise ValueError(f"no {SEAL_KEY} in the metadata")
    return _with(content, place + len(_HEAD), hashlib.sha256(content).hexdigest())


def seal_holds(content: bytes) -> bool | None:
    """Whether the file is what was written, to the last bit; None where it carries no checksum."""
    place = content.find(_HEAD)
    if place < 0:
        return None
    start = place + len(_HEAD)
    found = content[start : start + len(BLANK)]
    return hashlib.sha256(_with(content, start, BLANK)).hexdigest().encode() == found


def _with(content: bytes, start: int, digits: str) -> bytes:
    return content[:start] + digits.encode() + content[start + len(BLANK) :]

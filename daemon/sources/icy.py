"""Titles inside a radio's bytes (SHOUTcast/Icecast `icy-metaint`): cut out of the audio and remembered.

After every `interval` bytes of audio comes one byte n and a block of 16 n bytes, at most 4080: no input is unbounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

MAX_INTERVAL = 16 * 2**20
MAX_TITLE = 512  # characters
_TITLE = re.compile(r"StreamTitle='(.*?)'\s*(?:;|$)(?=\s*(?:\w+=|$))", re.DOTALL)


class IcyDemuxer:
    """Reads audio through `read(size)` (some bytes, at most `size`; b"" at the end); `title` follows the radio."""

    def __init__(self, read: Callable[[int], bytes], interval: int) -> None:
        self._read = read
        self._interval = interval
        self._left = interval  # bytes of audio before the next block
        self.title: str | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of audio; b"" at the end."""
        if self._left == 0 and not self._read_block():
            return b""
        audio = self._read(min(size, self._left))
        self._left -= len(audio)
        return audio

    def _read_block(self) -> bool:
        length = self._exactly(1)
        if not length:
            return False
        block = self._exactly(16 * length[0])
        if len(block) < 16 * length[0]:
            return False
        if block:
            self.title = parse_title(block, self.title)
        self._left = self._interval
        return True

    def _exactly(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        found = b""
        while len(found) < size and (more := self._read(size - len(found))):
            found += more
        return found


def parse_title(block: bytes, known: str | None = None) -> str | None:
    """The StreamTitle of a metadata block, on one line; None for an empty one, `known` for a block without one."""
    data = block.rstrip(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    found = _TITLE.search(text)
    return known if found is None else cleaned(found[1])


def cleaned(title: str) -> str | None:
    """A title as one printable line of bounded length; None when nothing is left."""
    line = " ".join("".join(c if c.isprintable() else " " for c in title).split())
    return line[:MAX_TITLE] or None


def metadata_interval(headers: Mapping[str, str]) -> int | None:
    """The response's `icy-metaint`; None without one that makes sense."""
    value = headers.get("icy-metaint", "").strip()
    if value.isascii() and value.isdigit() and 0 < int(value[:12]) <= MAX_INTERVAL:
        return int(value)
    return None

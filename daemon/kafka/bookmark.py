"""The metadata of a commit: where a new owner of the partition must begin to read, so that it can go on. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.kafka.open_runs import FINGERPRINT_BYTES, Begun

VERSION = 1
MAX_CLOSINGS = 64  # brokers allow 4096 bytes of metadata by default: these are some 1500
MAX_RUNS = 100  # and these 1750
_OFFSET_BYTES = 6
_NONE = bytes(FINGERPRINT_BYTES)


@dataclass(frozen=True, slots=True)
class Closing:
    """Behind record `after`, the streams that had not been heard from record `before` on were closed: idle too long."""

    after: int
    before: int


@dataclass(frozen=True, slots=True)
class Bookmark:
    """What a new owner needs to know of the time before the committed offset.

    `audio`: input record from which the open runs can be made again. `windows`: record of the windows topic from which
    the aggregates can be made again. `runs` goes by fingerprints of streams.
    """

    audio: int
    windows: int
    closings: tuple[Closing, ...] = ()  # from `audio` on, in order
    runs: Mapping[bytes, Begun] = field(default_factory=dict)

    def encode(self) -> str:
        """As it stands in the commit; some 60 bytes, if nothing special happened."""
        closings = [[closing.after, closing.before] for closing in self.closings[-MAX_CLOSINGS:]]
        runs = b"".join(
            stream + run.first_offset.to_bytes(_OFFSET_BYTES, "big") + (run.replaced or _NONE)
            for stream, run in list(self.runs.items())[-MAX_RUNS:]
        )
        fields: dict[str, object] = {"genred": VERSION, "audio": self.audio, "windows": self.windows}
        if closings:
            fields["closed"] = closings
        if runs:
            fields["runs"] = base64.b85encode(runs).decode()
        return json.dumps(fields, separators=(",", ":"))


def decode_bookmark(metadata: str | None) -> Bookmark | None:
    """The bookmark in a commit's metadata; None when another program, or a reset by hand, made the commit."""
    try:
        fields = json.loads(metadata or "")
        closings = [(after, before) for after, before in fields.get("closed", [])]
        runs = _decoded(base64.b85decode(fields.get("runs", "")))
        numbers = [fields["audio"], fields["windows"], *(number for closing in closings for number in closing)]
        if fields["genred"] != VERSION or not all(type(number) is int and number >= 0 for number in numbers):
            return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Bookmark(numbers[0], numbers[1], tuple(Closing(*closing) for closing in closings), runs)


def _decoded(data: bytes) -> dict[bytes, Begun]:
    name, size = FINGERPRINT_BYTES, 2 * FINGERPRINT_BYTES + _OFFSET_BYTES
    runs = {}
    for row in (data[start : start + size] for start in range(0, len(data), size)):
        replaced = row[-name:]
        first_offset = int.from_bytes(row[name:-name], "big")
        runs[row[:name]] = Begun(first_offset, None if replaced == _NONE else replaced)
    return runs

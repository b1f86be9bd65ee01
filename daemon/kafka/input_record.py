"""A record of the input topic -> audio, or the end of a stream, or a refusal with a reason. Pure; docs/kafka.md.

The hot path: one call for each record beside an engine that wants the same core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon.audio_format import AudioFormat, FormatOutOfBounds
from daemon.errors import BadRecord, RecordFault
from daemon.kafka.content_type import MAX_CONTENT_TYPE_CHARS, Container, parse_content_type
from daemon.kafka.payload import decode_container
from daemon.sources.icy import cleaned

CONTENT_TYPE, POSITION, EPOCH, END, TITLE = "content-type", "position", "epoch", "end", "title"
TRACEPARENT = "traceparent"  # of W3C Trace Context
MAX_POSITION = 2**53  # frames; every JSON reader and every double holds it exactly
MAX_EPOCH_CHARS = 128
_MAX_POSITION_DIGITS = 20  # leading zeros included: a bound on the work, not on the number
_LONG_TITLE_BYTES = 4096  # such a title is cut before it is cleaned, and not remembered
_LONG_TRACEPARENT_BYTES = 128  # 55 today; later versions may be longer
_NO_TIME_FROM_MS = 253_370_764_800_000  # the year 9999: a clock in wrong units, and not to be written as RFC 3339
_FALSE = (b"false", b"0")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class InputRecord:
    """A record as the broker gave it; `timestamp_ms` is Unix time in milliseconds, negative when there is none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def name(self) -> str:
        """Where it lies, for messages."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


@dataclass(frozen=True, slots=True)
class InputRules:
    """What records may be. `default_format` serves those without a content type; `max_chunk_s` is in seconds."""

    default_format: AudioFormat | Container | None = None
    max_chunk_s: float = 60.0
    max_stream_bytes: int = 512


@dataclass(frozen=True, slots=True)
class AudioRecord:
    """A chunk of a stream: whole interleaved frames. `end`: nothing follows them.

    `epoch` and `position` (frames) are None where the producer gives none. `captured_at_s` is the Unix time of the
    first frame in seconds, 0 when unknown. `traceparent` is the header as it stands, believed by nobody yet.
    """

    stream: str
    epoch: str | None
    position: int | None
    format: AudioFormat
    audio: bytes
    captured_at_s: float
    end: bool
    title: str | None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The stream's run is over. `deleted`: a tombstone, the stream is to be forgotten downstream too."""

    stream: str
    epoch: str | None
    deleted: bool


def is_container(record: InputRecord, rules: InputRules) -> bool:
    """Whether `parse_record` may have to decode a file, which takes long: then call it in a thread."""
    if not record.value:
        return False
    header = dict(record.headers).get(CONTENT_TYPE)
    try:
        kind = _content_type(header) if header else rules.default_format
    except BadRecord:
        return False
    return isinstance(kind, Container)


def parse_record(record: InputRecord, rules: InputRules) -> AudioRecord | EndRecord:
    """What the record says. BadRecord, and nothing else, when it cannot be used."""
    stream = _stream(record.key, rules.max_stream_bytes)
    headers = dict(record.headers)  # of a header that comes twice, the last one
    epoch_header = headers.get(EPOCH)
    epoch = _epoch(epoch_header) if epoch_header else None
    value, end = record.value, END in headers and _is_true(headers[END])
    if value is None:
        return EndRecord(stream, epoch, deleted=True)
    if not value:
        if end:
            return EndRecord(stream, epoch, deleted=False)
        raise BadRecord(RecordFault.EMPTY, "the value is empty, and there is no header end")
    position_header, title_header = headers.get(POSITION), headers.get(TITLE)
    position = _position(position_header) if position_header else None
    title = _title(title_header) if title_header else None
    audio_format, audio = _audio(record, value, headers.get(CONTENT_TYPE), rules)
    known_time = 0 <= record.timestamp_ms < _NO_TIME_FROM_MS
    captured_at_s = record.timestamp_ms / 1000 if known_time else 0.0
    trace = headers.get(TRACEPARENT)
    traceparent = trace.decode("ascii", "replace") if trace and len(trace) <= _LONG_TRACEPARENT_BYTES else None
    return AudioRecord(stream, epoch, position, audio_format, audio, captured_at_s, end, title, traceparent)


def _stream(key: bytes | None, max_bytes: int) -> str:
    if not key:
        raise BadRecord(RecordFault.NO_KEY, "the record has no key: the stream's id")
    if len(key) > max_bytes:
        raise BadRecord(RecordFault.STREAM_TOO_LONG, f"a stream id of {len(key)} bytes; at most {max_bytes}")
    try:
        stream = key.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(RecordFault.KEY_NOT_UTF8, f"the key is not UTF-8: {error.reason}") from error
    if not stream.isprintable() and _CONTROLS.search(stream):  # the quick look first
        raise BadRecord(RecordFault.STREAM_ID, f"control characters in stream id {stream!r}")
    return stream


def _audio(record: InputRecord, value: bytes, header: bytes | None, rules: InputRules) -> tuple[AudioFormat, bytes]:
    """The format and the frames of a value; raw ones are the very same bytes."""
    kind = _content_type(header) if header else rules.default_format
    if kind is None:
        raise BadRecord(RecordFault.NO_CONTENT_TYPE, "no header content-type, and the settings have no default")
    if isinstance(kind, Container):
        return decode_container(value, kind, record.name, rules.max_chunk_s)
    frames, rest = divmod(len(value), kind.frame_bytes)
    if rest:
        message = f"{len(value)} bytes are not a whole number of frames of {kind.frame_bytes}"
        raise BadRecord(RecordFault.TORN_FRAME, message)
    if kind.seconds(frames) > rules.max_chunk_s:
        message = f"a chunk of {kind.seconds(frames):g} s; at most {rules.max_chunk_s:g} s"
        raise BadRecord(RecordFault.TOO_LONG, message)
    return kind, value


@lru_cache(maxsize=256)  # what it refuses is not remembered, so its keys are short
def _content_type(header: bytes) -> AudioFormat | Container:
    if len(header) > MAX_CONTENT_TYPE_CHARS:
        raise BadRecord(RecordFault.CONTENT_TYPE, f"a content type of {len(header)} bytes")
    try:
        return parse_content_type(_text(CONTENT_TYPE, header))
    except FormatOutOfBounds as error:
        raise BadRecord(RecordFault.AUDIO_FORMAT, str(error)) from error
    except ValueError as error:
        raise BadRecord(RecordFault.CONTENT_TYPE, str(error)) from error


def _position(header: bytes) -> int:
    if len(header) <= _MAX_POSITION_DIGITS and header.isdigit():
        position = int(header)
        if position <= MAX_POSITION:
            return position
    raise BadRecord(RecordFault.POSITION, f"position {header[:40]!r} is not a decimal number of 0 to {MAX_POSITION}")


@lru_cache(maxsize=4096)  # what it refuses is not remembered, so its keys are short
def _epoch(header: bytes) -> str:
    epoch = _text(EPOCH, header)
    if len(epoch) > MAX_EPOCH_CHARS:
        raise BadRecord(RecordFault.EPOCH, f"an epoch of {len(epoch)} characters; at most {MAX_EPOCH_CHARS}")
    if not epoch.isprintable():
        raise BadRecord(RecordFault.EPOCH, f"epoch {epoch!r} is not printable")
    return epoch


def _title(header: bytes) -> str | None:
    if len(header) > _LONG_TITLE_BYTES:
        return cleaned(_text(TITLE, header)[:_LONG_TITLE_BYTES])
    return _short_title(header)


@lru_cache(maxsize=4096)
def _short_title(header: bytes) -> str | None:
    return cleaned(_text(TITLE, header))


def _text(name: str, header: bytes) -> str:
    try:
        return header.decode()
    except UnicodeDecodeError as error:
        raise BadRecord(RecordFault.HEADER, f"header {name} is not UTF-8: {error.reason}") from error


def _is_true(header: bytes | None) -> bool:
    """Presence is enough; only the words for no mean no."""
    return header is None or header.lower() not in _FALSE

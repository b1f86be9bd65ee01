"""Results -> records, as CloudEvents 1.0 in Kafka's binary content mode; refused records -> dead letters. Pure.

The records carry no timestamp of their own: the present is what retention should count from, and a broker refuses times
too far from it. When the audio was heard is `ce_time`, and `time` in the value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from daemon.errors import BadRecord
from daemon.kafka.input_record import InputRecord
from daemon.messages import (
    TAGS_TYPE,
    WINDOW_TYPE,
    LogRange,
    ModelId,
    ModelScores,
    Result,
    StreamTags,
    WindowTags,
    json_line,
    rfc3339,
)

T = TypeVar("T")

MAX_ERROR_CHARS = 1000
MAX_NUMBER = 1e15  # seconds; no window is later
DEAD_LETTER_HEADERS = (
    "genred-reason",
    "genred-error",
    "genred-topic",
    "genred-partition",
    "genred-offset",
    "genred-timestamp",
)
_SPEC_VERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
_WINDOW_TYPE, _TAGS_TYPE = ("ce_type", WINDOW_TYPE.encode()), ("ce_type", TAGS_TYPE.encode())
_SOURCE = ("ce_source", b"/genred")


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """A record to be written. `partition` None: by the key's hash. `timestamp_ms` None: when it is written."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """Where results and dead letters go."""

    windows: str
    tags: str
    dead_letter: str


def window_record(result: WindowTags, topics: OutputTopics) -> OutputRecord:
    """A window's scores; those of Kafka's audio go to the partition of the same number as the audio's."""
    source = result.source
    if source is None:
        return _event(result, topics.windows, None, _WINDOW_TYPE, _SOURCE)
    return _event(result, topics.windows, source.partition, _WINDOW_TYPE, _log_source(source.topic, source.partition))


def tags_record(result: StreamTags, topics: OutputTopics) -> OutputRecord:
    """What is playing on a stream: the newest value of its key is the present."""
    return _event(result, topics.tags, None, _TAGS_TYPE, _SOURCE)


def tombstone_record(stream: str, topics: OutputTopics) -> OutputRecord:
    """Makes the compacted tags topic forget a stream."""
    return OutputRecord(topics.tags, None, stream.encode(), None, [], None)


def dead_letter_record(record: InputRecord, error: BadRecord, topics: OutputTopics) -> OutputRecord:
    """The refused record as it came, with why and whence behind its own headers.

    A header without a value becomes an empty one, which means the same. What an earlier refusal added is replaced.
    """
    said = (
        error.reason,
        str(error)[:MAX_ERROR_CHARS],
        record.topic,
        str(record.partition),
        str(record.offset),
        str(record.timestamp_ms),
    )
    headers = [(name, value or b"") for name, value in record.headers if name not in DEAD_LETTER_HEADERS]
    headers += [(name, text.encode()) for name, text in zip(DEAD_LETTER_HEADERS, said, strict=True)]
    return OutputRecord(topics.dead_letter, None, record.key, record.value, headers, None)


def _event(
    result: Result, topic: str, partition: int | None, event_type: tuple[str, bytes], source: tuple[str, bytes]
) -> OutputRecord:
    """The result as an event about its stream. The identity's first part is the stream, percent-encoded."""
    identity = result.id
    headers = [
        _SPEC_VERSION,
        ("ce_id", identity.encode()),
        event_type,
        source,
        ("ce_time", rfc3339(result.time_s).encode()),
        ("ce_subject", identity.partition("/")[0].encode()),
        _CONTENT_TYPE,
    ]
    return OutputRecord(topic, partition, result.stream.encode(), json_line(result).encode(), headers, None)


@lru_cache(maxsize=4096)
def _log_source(topic: str, partition: int) -> tuple[str, bytes]:
    return "ce_source", f"/genred/{quote(topic, safe='')}/{partition}".encode()


def parse_window(value: bytes) -> WindowTags:
    """The window that a value is the JSON of, whatever fields were added to it. ValueError when it is none."""
    try:
        fields = json.loads(value.decode(), parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if _taken(fields, "type", str) != WINDOW_TYPE:
        raise ValueError(f"not a {WINDOW_TYPE}: type {fields['type']!r:.100}")
    source, others = fields.get("source"), fields.get("others")
    main = _model_scores(fields)
    return WindowTags(
        stream=_text(fields, "stream"),
        epoch=_text(fields, "epoch"),
        window=_count(fields, "window"),
        start_s=_number(fields, "start_s"),
        end_s=_number(fields, "end_s"),
        time_s=_time(fields),
        silent=_taken(fields, "silent", bool),
        gap_s=_number(fields, "gap_s"),
        scores=main.scores,
        model=main.model,
        title=None if fields.get("title") is None else _text(fields, "title"),
        source=None if source is None else _log_range(source),
        others=() if others is None else tuple(_model_scores(other) for other in _taken(fields, "others", list)),
    )


def _model_scores(fields: Any) -> ModelScores:
    model, scores = _taken(fields, "model", dict), _taken(fields, "scores", dict)
    "".join(scores).encode()  # as in _text, for all labels at once
    return ModelScores(
        ModelId(_text(model, "name"), _text(model, "version"), _text(model, "sha256")),
        {tag: _number(scores, tag) for tag in scores},
    )


def _log_range(fields: Any) -> LogRange:
    return LogRange(
        _text(fields, "topic"),
        _count(fields, "partition"),
        _count(fields, "first_offset"),
        _count(fields, "last_offset"),
        _count(fields, "last_position"),
    )


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _taken(fields: Any, name: str, kind: type[T]) -> T:
    """The field of that very type (a boolean is no number)."""
    value = fields.get(name) if type(fields) is dict else None
    if type(value) is not kind:
        raise ValueError(f"{name} is not a {kind.__name__}")
    return value


def _text(fields: Any, name: str) -> str:
    text = _taken(fields, name, str)
    text.encode()  # half a surrogate pair is a UnicodeEncodeError: a ValueError
    return text


def _count(fields: Any, name: str) -> int:
    count = _taken(fields, name, int)
    if count < 0:
        raise ValueError(f"{name} is negative")
    return count


def _time(fields: Any) -> float:
    """Unix seconds; a time of no zone is nobody's."""
    time = datetime.fromisoformat(_taken(fields, "time", str))
    if time.tzinfo is None:
        raise ValueError("time has no zone")
    return time.timestamp()


def _number(fields: Any, name: str) -> float:
    number = fields.get(name)
    if type(number) not in (int, float) or not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"{name:.100} is not a number of 0 to {MAX_NUMBER:g}")
    return float(number)

"""Values of the tags topic -> what people are shown. Pure; nothing that is in the topic steers a terminal."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from daemon.messages import TAGS_TYPE, ModelId, ModelTags, StreamTags, Tag
from daemon.sinks.console import printable

MAX_VALUE_BYTES = 1 << 20
MAX_TEXT, MAX_TAGS, MAX_OTHERS = 512, 100, 100
MAX_SECONDS = 1e12
MAX_TIME_S = 253_370_764_800.0  # the year 9999, Unix seconds


def parse_tags(value: bytes) -> StreamTags:
    """The `genred.tags.v1` in a value, its text made printable. ValueError when it is none."""
    if len(value) > MAX_VALUE_BYTES:
        raise ValueError(f"a value of {len(value)} bytes")
    try:
        fields = json.loads(value)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(fields, dict) or fields.get("type") != TAGS_TYPE:
        raise ValueError(f"not {TAGS_TYPE}")
    try:
        return _tags(fields)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not {TAGS_TYPE}: {error}") from error


def safe_line(value: bytes) -> str:
    """The JSON of a value on one line: as it is, or written anew when it holds characters that steer a terminal."""
    text = value.decode()
    if all(character.isprintable() for character in text):
        return text
    return json.dumps(json.loads(text), separators=(",", ":"))


def _tags(fields: dict[str, Any]) -> StreamTags:
    window = fields["window"]
    if window is not None and type(window) is not int:
        raise TypeError("window")
    time_s = datetime.fromisoformat(fields["time"]).timestamp()
    if not 0 <= time_s < MAX_TIME_S:
        raise TypeError("time")
    main = _said(fields)
    return StreamTags(
        stream=_text(fields["stream"]),
        epoch=_text(fields["epoch"]),
        window=window,
        from_s=_number(fields["from_s"]),
        to_s=_number(fields["to_s"]),
        time_s=time_s,
        tags=main.tags,
        top=main.top,
        changed=main.changed,
        final=fields["final"] is True,
        model=main.model,
        title=None if fields.get("title") is None else _text(fields["title"]),
        others=tuple(_said(other) for other in (fields.get("others") or [])[:MAX_OTHERS]),
    )


def _said(fields: dict[str, Any]) -> ModelTags:
    """What one model says."""
    model = fields.get("model", {})
    return ModelTags(
        model=ModelId(_text(model.get("name", "")), _text(model.get("version", "")), _text(model.get("sha256", ""))),
        tags=tuple(Tag(_text(tag["tag"]), _number(tag["score"])) for tag in fields["tags"][:MAX_TAGS]),
        top=_text(fields["top"]),
        changed=fields["changed"] is True,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text should be")
    return printable(value[:MAX_TEXT])


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or abs(value) > MAX_SECONDS:
        raise TypeError("no number, or one out of bounds")
    return float(value)

"""What travels through the daemon and leaves it: audio in, window scores and stream tags out. A leaf.

The JSON of `WindowTags` and `StreamTags` is the wire contract (docs/results.md): fields are only ever added.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from daemon.audio_format import AudioFormat

WINDOW_TYPE = "genred.window.v1"
TAGS_TYPE = "genred.tags.v1"
SCORE_DECIMALS = 6  # under every promise of accuracy, and short to read


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A run of consecutive frames of one stream.

    `position` counts frames since the epoch (the stream's run) began. `captured_at_s` is the wall time (Unix
    seconds) of the first frame: when it was captured, or read where nobody knows. `audio` is raw interleaved PCM.
    `offset` is the chunk's place in the log that it came from, if it came from one.
    """

    stream: str
    epoch: str
    position: int
    format: AudioFormat
    audio: bytes
    captured_at_s: float
    title: str | None = None
    offset: int | None = None

    @property
    def frames(self) -> int:
        """Whole frames in `audio`."""
        return len(self.audio) // self.format.frame_bytes

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.format.seconds(self.frames)


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The run `epoch` of `stream` is over: nothing more of it will come."""

    stream: str
    epoch: str


@dataclass(frozen=True, slots=True)
class ModelId:
    """Which network made a result."""

    name: str
    version: str
    sha256: str

    def as_json(self) -> dict[str, str]:
        """The `model` object of a result."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class LogRange:
    """The records of an input partition that a window was made from.

    `last_offset` is the record that completed it, `last_position` the position of that record's first frame.
    """

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    last_position: int

    def as_json(self) -> dict[str, str | int]:
        """The `source` object of a result."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "first_offset": self.first_offset,
            "last_offset": self.last_offset,
            "last_position": self.last_position,
        }


@dataclass(frozen=True, slots=True)
class ModelScores:
    """What one model says of a window."""

    model: ModelId
    scores: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """One of a window's `others`."""
        return {"model": self.model.as_json(), "scores": _rounded_scores(self.scores)}


@dataclass(frozen=True, slots=True)
class WindowTags:
    """The scores of one window; its identity is (stream, epoch, window).

    `model` and `scores` are the main model's, `others` what further models say of the same window.
    """

    stream: str
    epoch: str
    window: int
    start_s: float
    end_s: float
    time_s: float
    silent: bool
    gap_s: float
    scores: Mapping[str, float]
    model: ModelId
    title: str | None = None
    source: LogRange | None = None
    others: tuple[ModelScores, ...] = ()

    @property
    def voices(self) -> tuple[ModelScores, ...]:
        """What each model says, the main one first."""
        return ModelScores(self.model, self.scores), *self.others

    def apart(self) -> tuple[WindowTags, ...]:
        """A result a model, the main one's first."""
        return tuple(replace(self, model=said.model, scores=said.scores, others=()) for said in self.voices)

    @property
    def id(self) -> str:
        """The window's identity as one string (CloudEvents `ce_id`): stream and epoch percent-encoded, number."""
        return f"{_id_part(self.stream)}/{_id_part(self.epoch)}/{self.window}"

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        fields: dict[str, Any] = {
            "type": WINDOW_TYPE,
            "stream": self.stream,
            "epoch": self.epoch,
            "window": self.window,
            "start_s": _rounded(self.start_s),
            "end_s": _rounded(self.end_s),
            "time": rfc3339(self.time_s),
            "silent": self.silent,
            "gap_s": _rounded(self.gap_s),
            "scores": _rounded_scores(self.scores),
            "model": self.model.as_json(),
        }
        if self.others:
            fields["others"] = [other.as_json() for other in self.others]
        if self.source is not None:
            fields["source"] = self.source.as_json()
        return _with_title(fields, self.title)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag and its score, 0 to 1."""

    tag: str
    score: float


@dataclass(frozen=True, slots=True)
class ModelTags:
    """What is playing on a stream, as one model says."""

    model: ModelId
    tags: tuple[Tag, ...]
    top: str
    changed: bool

    def as_json(self) -> dict[str, Any]:
        """One of a stream's `others`."""
        return {
            "model": self.model.as_json(),
            "tags": _tag_list(self.tags),
            "top": self.top,
            "changed": self.changed,
        }


@dataclass(frozen=True, slots=True)
class StreamTags:
    """What is playing on a stream now: its aggregated tags, best first.

    `top` is the best tag, or `unknown` (nothing reaches the minimum score), or `silence`. `window` is the newest
    window that was used (None: the stream ended before it had one). `model`, `tags`, `top`, `changed` and `from_s` are
    the main model's, `others` what further models say.
    """

    stream: str
    epoch: str
    window: int | None
    from_s: float
    to_s: float
    time_s: float
    tags: tuple[Tag, ...]
    top: str
    changed: bool
    final: bool
    model: ModelId
    title: str | None = None
    others: tuple[ModelTags, ...] = ()

    @property
    def voices(self) -> tuple[ModelTags, ...]:
        """What each model says, the main one first."""
        return ModelTags(self.model, self.tags, self.top, self.changed), *self.others

    def apart(self) -> tuple[StreamTags, ...]:
        """A result a model, the main one's first."""
        return tuple(
            replace(self, model=said.model, tags=said.tags, top=said.top, changed=said.changed, others=())
            for said in self.voices
        )

    @property
    def id(self) -> str:
        """What was said, when: the newest window's identity and `tags`, or `final` for the stream's last word."""
        window = "" if self.window is None else self.window
        return f"{_id_part(self.stream)}/{_id_part(self.epoch)}/{window}/{'final' if self.final else 'tags'}"

    def as_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        fields: dict[str, Any] = {
            "type": TAGS_TYPE,
            "stream": self.stream,
            "epoch": self.epoch,
            "window": self.window,
            "from_s": _rounded(self.from_s),
            "to_s": _rounded(self.to_s),
            "time": rfc3339(self.time_s),
            "tags": _tag_list(self.tags),
            "top": self.top,
            "changed": self.changed,
            "final": self.final,
            "model": self.model.as_json(),
        }
        if self.others:
            fields["others"] = [other.as_json() for other in self.others]
        return _with_title(fields, self.title)


Result = WindowTags | StreamTags


def json_line(result: Result) -> str:
    """One line of JSON, without its newline; text is kept as UTF-8."""
    return json.dumps(result.as_json(), ensure_ascii=False, separators=(",", ":"))


def rfc3339(time_s: float) -> str:
    """Unix seconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id_part(text: str) -> str:
    """`text` without the slash that parts an identity."""
    return quote(text, safe=":+@")


def _rounded(value: float) -> float:
    return round(float(value), SCORE_DECIMALS)


def _rounded_scores(scores: Mapping[str, float]) -> dict[str, float]:
    return {tag: _rounded(score) for tag, score in scores.items()}


def _tag_list(tags: Sequence[Tag]) -> list[dict[str, Any]]:
    return [{"tag": tag.tag, "score": _rounded(tag.score)} for tag in tags]


def _with_title(fields: dict[str, Any], title: str | None) -> dict[str, Any]:
    return fields if title is None else {**fields, "title": title}

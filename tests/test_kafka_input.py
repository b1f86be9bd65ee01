"""Records of the input topic: what is read from them, and everything that is refused, with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import BadRecord, RecordFault
from daemon.kafka.content_type import Container, raw_content_type
from daemon.kafka.input_record import (
    MAX_EPOCH_CHARS,
    MAX_POSITION,
    AudioRecord,
    EndRecord,
    Headers,
    InputRecord,
    InputRules,
    is_container,
    parse_record,
)
from tests.audio_files import encode, stepped_tones

RULES = InputRules()
FORMAT = AudioFormat(SampleFormat.S16LE, 16_000, 1)
RAW = ("content-type", raw_content_type(FORMAT).encode())
RECORD = InputRecord("audio.chunks", 3, 1201, 1_767_323_063_678, b"radio-1", bytes(3200), [RAW])
CONTAINERS = ("audio/wav", "audio/flac", "audio/ogg", "audio/mpeg")
TONES = stepped_tones(1.0, 44_100)
WAV = encode(TONES, "pcm_s16le", "wav")
SILENT_MINUTES = encode(np.zeros(150 * 8_000, np.float32), "flac", "flac", 8_000, channels=1)
TYPES = [
    f"audio/x-raw;format={f};rate={r};channels={c}" for f in ("S16LE", "F32LE", "U8", "MP3") for r, c in [(8000, 1)]
]

any_value = st.none() | st.binary(max_size=200) | st.sampled_from([bytes(2 * n) for n in (1, 100, 80_000, 600_000)])
known_header = st.tuples(
    st.sampled_from(["content-type", "position", "epoch", "end", "title"]),
    st.none()
    | st.binary(max_size=30)
    | st.sampled_from([text.encode() for text in (*TYPES, *CONTAINERS, "0", "17", "false", "2026-01-02T03:04:05Z")]),
)
any_record = st.builds(
    InputRecord,
    topic=st.just("audio.chunks"),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    timestamp_ms=st.integers(-(2**63), 2**63 - 1),
    key=st.none() | st.binary(max_size=20) | st.text(max_size=600).map(lambda text: text.encode()),
    value=any_value,
    headers=st.lists(known_header | st.tuples(st.text(max_size=10), st.none() | st.binary(max_size=10)), max_size=8),
)


def with_headers(*headers: tuple[str, bytes | None], **fields: Any) -> InputRecord:
    """RECORD with other headers (its content type first) and fields."""
    return replace(RECORD, headers=[RAW, *headers], **fields)


def typed(content_type: bytes | None, value: bytes = RECORD.value or b"") -> InputRecord:
    """RECORD with another content type and value."""
    return replace(RECORD, headers=[("content-type", content_type)], value=value)


def audio_of(record: InputRecord, rules: InputRules = RULES) -> AudioRecord:
    """The audio that a record must be."""
    parsed = parse_record(record, rules)
    assert isinstance(parsed, AudioRecord)
    return parsed


REFUSED: list[tuple[RecordFault, InputRecord]] = [
    (RecordFault.NO_KEY, replace(RECORD, key=None)),
    (RecordFault.NO_KEY, replace(RECORD, key=b"")),
    (RecordFault.NO_KEY, replace(RECORD, key=None, value=None)),
    (RecordFault.KEY_NOT_UTF8, replace(RECORD, key=b"radio-\xff")),
    (RecordFault.STREAM_TOO_LONG, replace(RECORD, key=b"x" * 10_000)),
    (RecordFault.STREAM_TOO_LONG, replace(RECORD, key="é".encode() * 257)),
    (RecordFault.STREAM_ID, replace(RECORD, key=b"radio\x1b[2J")),
    (RecordFault.STREAM_ID, replace(RECORD, key="radio\u2028one".encode())),
    (RecordFault.EMPTY, replace(RECORD, value=b"")),
    (RecordFault.EMPTY, with_headers(("end", b"false"), value=b"")),
    (RecordFault.NO_CONTENT_TYPE, replace(RECORD, headers=())),
    (RecordFault.NO_CONTENT_TYPE, typed(None)),
    (RecordFault.NO_CONTENT_TYPE, typed(b"")),
    (RecordFault.CONTENT_TYPE, typed(b"text/plain")),
    (RecordFault.CONTENT_TYPE, typed(b"audio/x-raw;format=S16LE;rate=16000")),
    (RecordFault.CONTENT_TYPE, typed(b"audio/x-raw;format=S16BE;rate=16000;channels=1")),
    (RecordFault.CONTENT_TYPE, typed(b"audio/x-raw;format=S16LE;rate=1e4;channels=1")),
    (RecordFault.CONTENT_TYPE, typed(b"audio/wav;" + b"x" * 1000)),
    (RecordFault.AUDIO_FORMAT, typed(b"audio/x-raw;format=S16LE;rate=0;channels=1")),
    (RecordFault.AUDIO_FORMAT, typed(b"audio/x-raw;format=S16LE;rate=999999999;channels=1")),
    (RecordFault.AUDIO_FORMAT, typed(b"audio/x-raw;format=S16LE;rate=16000;channels=9")),
    (RecordFault.POSITION, with_headers(("position", b"-1"))),
    (RecordFault.POSITION, with_headers(("position", b"1.5"))),
    (RecordFault.POSITION, with_headers(("position", b"1_000"))),
    (RecordFault.POSITION, with_headers(("position", "١".encode()))),
    (RecordFault.POSITION, with_headers(("position", b"9" * 10_000))),
    (RecordFault.POSITION, with_headers(("position", str(MAX_POSITION + 1).encode()))),
    (RecordFault.EPOCH, with_headers(("epoch", b"x" * (MAX_EPOCH_CHARS + 1)))),
    (RecordFault.EPOCH, with_headers(("epoch", b"a\nb"))),
    (RecordFault.EPOCH, with_headers(("epoch", b"a\nb"), value=None)),
    (RecordFault.HEADER, with_headers(("epoch", b"\xff"))),
    (RecordFault.HEADER, with_headers(("title", b"\xc3"))),
    (RecordFault.HEADER, typed(b"audio/\xff")),
    (RecordFault.TORN_FRAME, replace(RECORD, value=bytes(3201))),
    (RecordFault.TOO_LONG, replace(RECORD, value=bytes(2 * 16_000 * 3600))),
    (RecordFault.UNDECODABLE, typed(b"audio/wav", b"not a file")),
    (RecordFault.UNDECODABLE, typed(b"audio/mpeg", encode(TONES, "flac", "flac"))),
    (RecordFault.NO_AUDIO, typed(b"audio/wav", WAV[: WAV.index(b"data") + 8])),
    (RecordFault.AUDIO_FORMAT, typed(b"audio/wav", encode(TONES[:4000], "pcm_s16le", "wav", 4000))),
    (RecordFault.DECODED_TOO_LONG, typed(b"audio/flac", SILENT_MINUTES)),
]


@pytest.mark.parametrize(("reason", "record"), REFUSED, ids=[f"{n}-{r[0]}" for n, r in enumerate(REFUSED)])
def test_refusals(reason: RecordFault, record: InputRecord) -> None:
    with pytest.raises(BadRecord) as refused:
        parse_record(record, RULES)
    assert refused.value.reason == reason
    assert 10 < len(str(refused.value)) < 700


def test_every_reason_is_shown_above() -> None:
    assert {reason for reason, _ in REFUSED} == set(RecordFault)


@given(any_record, st.sampled_from([None, FORMAT, Container.WAV]))
def test_any_record_is_audio_an_end_or_refused(record: InputRecord, default: AudioFormat | Container | None) -> None:
    rules = InputRules(default_format=default)
    slow = is_container(record, rules)
    try:
        parsed = parse_record(record, rules)
    except BadRecord as error:
        assert isinstance(error.reason, RecordFault)
        return
    assert record.key is not None
    assert parsed.stream.encode() == record.key
    if isinstance(parsed, EndRecord):
        assert not record.value
        assert parsed.deleted == (record.value is None)
    else:
        assert (parsed.audio is record.value) != slow
        assert len(parsed.audio) % parsed.format.frame_bytes == 0
        assert parsed.position is None or 0 <= parsed.position <= MAX_POSITION
        assert 0 <= parsed.captured_at_s < 253_370_764_800


@given(
    stream=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=100),
    epoch=st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=MAX_EPOCH_CHARS),
    position=st.integers(0, MAX_POSITION),
    audio_format=st.builds(
        AudioFormat, st.sampled_from(SampleFormat), st.integers(8_000, 192_000), channels=st.integers(1, 8)
    ),
    frames=st.integers(1, 300),
    timestamp_ms=st.integers(0, 4 * 10**12),
    end=st.booleans(),
)
def test_what_a_producer_sends_arrives(
    stream: str, epoch: str, position: int, audio_format: AudioFormat, frames: int, timestamp_ms: int, end: bool
) -> None:
    audio = b"\1" * (frames * audio_format.frame_bytes)
    headers: Headers = [
        ("content-type", raw_content_type(audio_format).encode()),
        ("position", str(position).encode()),
        ("epoch", epoch.encode()),
        *([("end", b"true")] if end else []),
    ]
    record = InputRecord("audio.chunks", 0, 0, timestamp_ms, stream.encode(), audio, headers)
    expected = AudioRecord(stream, epoch, position, audio_format, audio, timestamp_ms / 1000, end, None)
    assert parse_record(record, RULES) == expected


def test_the_default_serves_records_without_a_content_type() -> None:
    bare = replace(RECORD, headers=())
    assert audio_of(bare, InputRules(default_format=FORMAT)).format == FORMAT
    wav = replace(bare, value=WAV)
    rules = InputRules(default_format=Container.WAV)
    assert is_container(wav, rules)
    assert len(audio_of(wav, rules).audio) == 44_100 * 4
    assert audio_of(RECORD, rules).format == FORMAT


def test_headers_may_be_absent_empty_double_or_unknown() -> None:
    bare = audio_of(with_headers(("epoch", None), ("position", b""), ("title", b" \n")))
    assert (bare.epoch, bare.position, bare.title, bare.end) == (None, None, None, False)
    double = audio_of(with_headers(("position", b"x"), ("position", b"0017"), ("traceparent", b"\xff")))
    assert double.position == 17
    assert audio_of(with_headers(("title", b"A\n-  B" * 300))).title == ("A - B" * 300)[:512]


@pytest.mark.parametrize(
    ("value", "end"), [(b"true", True), (b"", True), (None, True), (b"\xff", True), (b"FALSE", False), (b"0", False)]
)
def test_end(value: bytes | None, end: bool) -> None:
    assert audio_of(with_headers(("end", value))).end == end


def test_ends_need_no_more_than_a_key() -> None:
    ended = replace(RECORD, value=b"", headers=[("end", b"1"), ("position", b"?")])
    assert parse_record(ended, RULES) == EndRecord("radio-1", None, deleted=False)
    deleted = replace(RECORD, value=None, headers=[("epoch", b"e")])
    assert parse_record(deleted, RULES) == EndRecord("radio-1", "e", deleted=True)
    assert not is_container(replace(typed(b"audio/wav"), value=None), RULES)


@pytest.mark.parametrize(("timestamp_ms", "captured_at_s"), [(-1, 0.0), (0, 0.0), (1500, 1.5), (2**62, 0.0)])
def test_a_record_without_a_time_that_can_be_is_at_zero(timestamp_ms: int, captured_at_s: float) -> None:
    assert audio_of(replace(RECORD, timestamp_ms=timestamp_ms)).captured_at_s == captured_at_s


def test_limits_are_inclusive() -> None:
    assert audio_of(replace(RECORD, value=bytes(2 * 16_000 * 60))).format == FORMAT
    assert audio_of(replace(RECORD, key=b"x" * 512)).stream == "x" * 512
    assert audio_of(with_headers(("position", str(MAX_POSITION).encode()))).position == MAX_POSITION

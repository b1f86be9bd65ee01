"""Results as records: CloudEvents in Kafka's binary mode, values that validate and can be read back, dead letters."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import BadRecord, RecordFault
from daemon.kafka.input_record import InputRecord, InputRules, parse_record
from daemon.kafka.output_record import (
    DEAD_LETTER_HEADERS,
    OutputRecord,
    OutputTopics,
    dead_letter_record,
    parse_window,
    tags_record,
    tombstone_record,
    window_record,
)
from daemon.messages import LogRange, Result, WindowTags, json_line
from tests.test_kafka_input import RECORD, REFUSED, any_record
from tests.test_schemas import TAGS, WINDOW, any_result, texts, validator_of

TOPICS = OutputTopics("genre.windows", "genre.tags", "genre.dead-letter")
CLOUD_EVENT = ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "content-type"]
URI_REFERENCE = re.compile(r"/genred(/[A-Za-z0-9._~%-]+/[0-9]+)?")  # RFC 3986: unreserved and percent-encoded
any_window = any_result.filter(lambda result: isinstance(result, WindowTags))


def record_of(result: Result) -> OutputRecord:
    """The record of any result."""
    return window_record(result, TOPICS) if isinstance(result, WindowTags) else tags_record(result, TOPICS)


def headers_of(record: OutputRecord) -> dict[str, str]:
    """Headers as text; each name comes once."""
    headers = {name: value.decode() for name, value in record.headers}
    assert len(headers) == len(record.headers)
    return headers


def value_of(record: OutputRecord) -> Any:
    """The JSON of a record's value."""
    assert record.value is not None
    return json.loads(record.value)


def test_a_window_is_an_event() -> None:
    record = window_record(WINDOW, TOPICS)
    assert (record.topic, record.partition, record.key, record.timestamp_ms) == ("genre.windows", 3, b"radio-1", None)
    assert headers_of(record) == {
        "ce_specversion": "1.0",
        "ce_id": "radio-1/2026-01-02T03:04:05.678Z/7",
        "ce_type": "genred.window.v1",
        "ce_source": "/genred/audio.chunks/3",
        "ce_time": "2026-01-02T03:04:23.678Z",
        "ce_subject": "radio-1",
        "content-type": "application/json",
    }
    assert value_of(record) == WINDOW.as_json()


def test_tags_are_an_event() -> None:
    record = tags_record(TAGS, TOPICS)
    assert (record.topic, record.partition, record.key, record.timestamp_ms) == ("genre.tags", None, b"radio-1", None)
    headers = headers_of(record)
    assert (headers["ce_type"], headers["ce_source"]) == ("genred.tags.v1", "/genred")
    assert headers["ce_id"] == "radio-1/2026-01-02T03:04:05.678Z/7/tags"
    assert value_of(record) == TAGS.as_json()


def test_other_sources_leave_the_partition_to_the_key() -> None:
    record = window_record(replace(WINDOW, source=None), TOPICS)
    assert record.partition is None
    assert headers_of(record)["ce_source"] == "/genred"


@given(any_result)
def test_every_result_is_a_valid_event(result: Result) -> None:
    record = record_of(result)
    headers = headers_of(record)
    assert list(headers) == CLOUD_EVENT
    assert all(headers.values())
    assert URI_REFERENCE.fullmatch(headers["ce_source"])
    assert urlsplit(headers["ce_source"]).path == headers["ce_source"]
    value = value_of(record)
    validator_of(headers["ce_type"]).validate(value)
    assert record.key is not None
    assert record.key.decode() == result.stream == unquote(headers["ce_subject"]) == value["stream"]
    assert (headers["ce_time"], headers["ce_type"]) == (value["time"], value["type"])


@given(texts, texts, texts, texts)
def test_other_streams_and_epochs_have_other_ids(stream: str, epoch: str, other_stream: str, other_epoch: str) -> None:
    ids = {
        headers_of(record_of(replace(result, stream=s, epoch=e)))["ce_id"]
        for result in (WINDOW, TAGS, replace(TAGS, final=True), replace(TAGS, window=None))
        for s, e in ((stream, epoch), (other_stream, other_epoch))
    }
    assert len(ids) == 4 * len({(stream, epoch), (other_stream, other_epoch)})


@pytest.mark.parametrize(("one", "other"), [(("a/b", "c"), ("a", "b/c")), (("a%2Fb", "c"), ("a/b", "c"))])
def test_slashes_do_not_make_ids_alike(one: tuple[str, str], other: tuple[str, str]) -> None:
    ids = [headers_of(record_of(replace(WINDOW, stream=s, epoch=e)))["ce_id"] for s, e in (one, other)]
    assert ids[0] != ids[1]
    assert all(len(identity.split("/")) == 3 for identity in ids)
    assert [unquote(part) for part in ids[0].split("/")] == [*one, "7"]


@given(any_window)
def test_a_window_comes_back(window: WindowTags) -> None:
    value = window_record(window, TOPICS).value
    assert value is not None
    back = parse_window(value)
    assert json_line(back).encode() == value
    assert (back.id, back.source, back.model, back.title) == (window.id, window.source, window.model, window.title)
    assert back.time_s == pytest.approx(window.time_s, abs=0.0011)
    assert [said.model for said in back.voices] == [said.model for said in window.voices]
    for said, was in zip(back.voices, window.voices, strict=True):
        assert dict(said.scores) == pytest.approx(dict(was.scores), abs=5.1e-7)


def test_fields_added_later_are_ignored() -> None:
    fields = WINDOW.as_json()
    added = {**fields, "later": 1, "model": {**fields["model"], "later": 1}, "source": {**fields["source"], "later": 1}}
    assert parse_window(json.dumps(added).encode()).as_json() == fields


def refused_value(**change: Any) -> bytes:
    """WINDOW's JSON with other fields."""
    return json.dumps({**WINDOW.as_json(), **change}).encode()


NO_WINDOWS = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    json_line(TAGS).encode(),
    refused_value(type="genred.window.v2"),
    refused_value(type=["genred.window.v1"]),
    refused_value(window=-1),
    refused_value(window=True),
    refused_value(window=7.0),
    refused_value(window=17).replace(b"17", b"9" * 5000),
    refused_value(start_s=10**1000),
    refused_value(end_s=float("nan")),
    refused_value(stream="\ud800"),
    refused_value(scores={"\udfff": 0.5}),
    refused_value(scores={"jazz": None}),
    refused_value(scores=[["jazz", 1]]),
    refused_value(silent=0),
    refused_value(time="2026-01-02T03:04:05.678"),
    refused_value(time="yesterday"),
    refused_value(model=None),
    refused_value(source={}),
    refused_value(others={}),
    refused_value(others=[{"model": WINDOW.model.as_json()}]),
    refused_value(others=[{"scores": {"jazz": 0.5}}]),
    refused_value(title=1),
    json.dumps({name: value for name, value in WINDOW.as_json().items() if name != "epoch"}).encode(),
    refused_value(gap_s=17).replace(b"17", b"1e999"),
]


@pytest.mark.parametrize("value", NO_WINDOWS, ids=[f"{n}-{value[:12]!r}" for n, value in enumerate(NO_WINDOWS)])
def test_what_is_no_window_is_a_value_error(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".{5}"):
        parse_window(value)


@given(st.binary(max_size=100) | st.dictionaries(texts, st.integers() | texts).map(lambda d: json.dumps(d).encode()))
def test_other_bytes_are_a_value_error(value: bytes) -> None:
    with pytest.raises(ValueError, match=r".{5}"):
        parse_window(value)


def test_a_tombstone_has_only_its_key() -> None:
    assert tombstone_record("radio-ü", TOPICS) == OutputRecord("genre.tags", None, "radio-ü".encode(), None, [], None)


def test_a_dead_letter_says_why_and_whence() -> None:
    record = replace(RECORD, headers=[("x", b"\xff"), ("end", None), ("x", b"2"), ("genred-reason", b"earlier")])
    letter = dead_letter_record(record, BadRecord(RecordFault.EMPTY, "nöthing " * 1000), TOPICS)
    assert (letter.topic, letter.partition, letter.timestamp_ms) == ("genre.dead-letter", None, None)
    assert (letter.key, letter.value) == (record.key, record.value)
    assert letter.headers[:3] == [("x", b"\xff"), ("end", b""), ("x", b"2")]
    assert dict(letter.headers[3:]) == {
        "genred-reason": b"empty",
        "genred-error": ("nöthing " * 1000)[:1000].encode(),
        "genred-topic": b"audio.chunks",
        "genred-partition": b"3",
        "genred-offset": b"1201",
        "genred-timestamp": b"1767323063678",
    }


@pytest.mark.parametrize(("reason", "record"), REFUSED, ids=[f"{n}-{r[0]}" for n, r in enumerate(REFUSED)])
def test_a_dead_letter_is_refused_for_the_same_reason_again(reason: RecordFault, record: InputRecord) -> None:
    letter = dead_letter_record(record, BadRecord(reason, "why"), TOPICS)
    with pytest.raises(BadRecord) as refused:
        parse_record(replace(record, headers=letter.headers), InputRules())
    assert refused.value.reason == reason


@given(any_record, st.sampled_from(RecordFault), st.text(st.characters(codec="utf-8")))
def test_any_record_can_be_a_dead_letter(record: InputRecord, reason: RecordFault, message: str) -> None:
    letter = dead_letter_record(record, BadRecord(reason, message), TOPICS)
    again = dead_letter_record(replace(record, headers=letter.headers), BadRecord(reason, message), TOPICS)
    assert again == letter
    assert [name for name, _ in letter.headers[-6:]] == list(DEAD_LETTER_HEADERS)


@pytest.mark.parametrize("topic", ["audio.chunks", "A_b-c.1", "ümlaut /?#"])
def test_the_source_is_a_uri_reference_whatever_the_topic(topic: str) -> None:
    record = window_record(replace(WINDOW, source=LogRange(topic, 0, 1, 2, 3)), TOPICS)
    assert URI_REFERENCE.fullmatch(headers_of(record)["ce_source"])

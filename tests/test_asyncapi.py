"""docs/asyncapi.yaml and docs/kafka.md say what the code does, and their examples are what it reads and writes.

The document was checked once against AsyncAPI's own JSON Schema, which is too large to keep; its shape is held here.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from daemon.errors import BadRecord, RecordFault
from daemon.kafka.input_record import (
    CONTENT_TYPE,
    END,
    EPOCH,
    MAX_EPOCH_CHARS,
    MAX_POSITION,
    POSITION,
    TITLE,
    EndRecord,
    InputRecord,
    InputRules,
    parse_record,
)
from daemon.kafka.output_record import (
    DEAD_LETTER_HEADERS,
    MAX_ERROR_CHARS,
    OutputTopics,
    dead_letter_record,
    parse_window,
    tags_record,
    tombstone_record,
    window_record,
)
from daemon.kafka.watched import parse_tags
from daemon.kafka_settings import KafkaSettings, KafkaSourceSettings
from tests.test_kafka_output import CLOUD_EVENT
from tests.test_schemas import validator_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
DOCUMENT: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
PAGE = (DOCS / "kafka.md").read_text(encoding="utf-8")
CHANNELS, MESSAGES = DOCUMENT["channels"], DOCUMENT["components"]["messages"]
SETTINGS = KafkaSettings()
TOPICS = OutputTopics(SETTINGS.windows_topic, SETTINGS.tags_topic, SETTINGS.dead_letter_topic)
KEY = b"radio-1"
INPUT_MESSAGES = ("audioChunk", "streamEnd", "streamDeleted")
EXAMPLES = [(name, n) for name, message in MESSAGES.items() for n in range(len(message["examples"]))]


def references(part: Any) -> Iterator[str]:
    """Every $ref below `part`."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for below in part:
            yield from references(below)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """`part`, or what it refers to: inside the document, or a file beside it."""
    if "$ref" not in part:
        return part
    file, _, path = part["$ref"].partition("#")
    found = json.loads((DOCS / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for step in path.strip("/").split("/") if path else ():
        found = found[step]
    assert isinstance(found, dict)
    return found


def headers_schema(message: str) -> dict[str, Any]:
    """The schema of a message's headers."""
    return resolved(MESSAGES[message]["headers"])


def record_of(example: dict[str, Any]) -> InputRecord:
    """An example as the broker would give it."""
    value = example["payload"]
    headers = [(name, text.encode()) for name, text in example.get("headers", {}).items()]
    return InputRecord("audio.chunks", 3, 1241, 0, KEY, None if value is None else base64.b64decode(value), headers)


def text_headers(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    """Headers as an example shows them."""
    return {name: value.decode() for name, value in headers}


def example_of(message: str, n: int = 0) -> dict[str, Any]:
    """An example of a message."""
    example: dict[str, Any] = MESSAGES[message]["examples"][n]
    return example


def test_the_document_holds_together() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT) >= {"info", "servers", "channels", "operations", "components"}
    assert {operation["action"] for operation in DOCUMENT["operations"].values()} == {"send", "receive"}
    used = [resolved(operation["channel"])["address"] for operation in DOCUMENT["operations"].values()]
    assert sorted(used) == sorted(channel["address"] for channel in CHANNELS.values())
    sent = [reference["$ref"] for channel in CHANNELS.values() for reference in channel["messages"].values()]
    assert sorted(sent) == sorted(f"#/components/messages/{name}" for name in MESSAGES)
    assert all(name == message["name"] for name, message in MESSAGES.items())


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        assert resolved({"$ref": reference})
    assert {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]} <= found
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(schema)


def test_topics_are_the_defaults_of_the_settings() -> None:
    addresses = {name: channel["address"] for name, channel in CHANNELS.items()}
    source = KafkaSourceSettings(kind="kafka")
    assert addresses == {
        "audioChunks": source.topic,
        "genreWindows": TOPICS.windows,
        "genreTags": TOPICS.tags,
        "genreDeadLetter": TOPICS.dead_letter,
    }
    assert DOCUMENT["operations"]["readAudio"]["bindings"]["kafka"]["groupId"]["const"] == source.group
    topics_table = PAGE[: PAGE.index("### Input record")]
    assert re.findall(r"^\| `([a-z.-]+)` \|", topics_table, re.MULTILINE) == list(addresses.values())


def test_headers_are_those_of_the_code() -> None:
    known = {CONTENT_TYPE, POSITION, EPOCH, END, TITLE}
    for message in INPUT_MESSAGES:
        assert set(headers_schema(message)["properties"]) == known
    for message in ("window", "tags"):
        schema = headers_schema(message)
        assert (list(schema["properties"]), schema["required"]) == (CLOUD_EVENT, CLOUD_EVENT)
    letter = headers_schema("deadLetter")
    assert tuple(letter["properties"]) == tuple(letter["required"]) == DEAD_LETTER_HEADERS
    described = re.findall(r"^\| (`[a-z_-]+`(?:, `[a-z_-]+`)*) \|", PAGE, re.MULTILINE)
    assert known | set(CLOUD_EVENT) | set(DEAD_LETTER_HEADERS) <= set(re.findall(r"`([^`]+)`", " ".join(described)))


def test_limits_are_those_of_the_code() -> None:
    schema = headers_schema("audioChunk")["properties"]
    assert schema["epoch"]["maxLength"] == MAX_EPOCH_CHARS
    assert str(MAX_POSITION) in schema["position"]["description"]
    assert headers_schema("deadLetter")["properties"]["genred-error"]["maxLength"] == MAX_ERROR_CHARS
    rules = InputRules()
    key = MESSAGES["audioChunk"]["bindings"]["kafka"]["key"]
    assert f"at most {rules.max_stream_bytes} bytes" in key["description"]
    assert f"`max_chunk_s` ({rules.max_chunk_s:g} s)" in PAGE
    assert rules.max_chunk_s == KafkaSourceSettings(kind="kafka").max_chunk_s


def test_reasons_are_those_of_the_code() -> None:
    reasons = [fault.value for fault in RecordFault]
    assert headers_schema("deadLetter")["properties"]["genred-reason"]["enum"] == reasons
    table = PAGE[PAGE.index("| reason | the record |") : PAGE.index("What is not needed is not looked at")]
    assert re.findall(r"^\| `(\w+)` \| .+ \|$", table, re.MULTILINE) == reasons


@pytest.mark.parametrize(("name", "n"), EXAMPLES)
def test_examples_validate(name: str, n: int) -> None:
    message, example = MESSAGES[name], example_of(name, n)
    assert ("headers" in message) == ("headers" in example)
    if "headers" in message:
        jsonschema.Draft7Validator(headers_schema(name)).validate(example["headers"])
    if name in ("window", "tags"):
        validator_of(example["payload"]["type"]).validate(example["payload"])
    else:
        jsonschema.Draft7Validator(resolved(message["payload"])).validate(example["payload"])


@pytest.mark.parametrize(("name", "n"), [(name, n) for name, n in EXAMPLES if name in INPUT_MESSAGES])
def test_examples_of_input_are_read(name: str, n: int) -> None:
    parsed = parse_record(record_of(example_of(name, n)), InputRules())
    assert parsed.stream == "radio-1"
    if name == "audioChunk":
        assert not isinstance(parsed, EndRecord)
        assert len(parsed.audio) == {"raw": 16, "last": 4, "file": 8}[example_of(name, n)["name"]]
    else:
        epoch = example_of(name)["headers"].get("epoch")
        assert parsed == EndRecord("radio-1", epoch, deleted=name == "streamDeleted")


@pytest.mark.parametrize("n", [n for name, n in EXAMPLES if name == "window"])
def test_the_examples_of_a_window_are_what_is_written(n: int) -> None:
    example = example_of("window", n)
    record = window_record(parse_window(json.dumps(example["payload"]).encode()), TOPICS)
    assert (record.topic, record.key, record.partition) == (TOPICS.windows, KEY, 3)
    assert text_headers(record.headers) == example["headers"]
    assert json.loads(record.value or b"") == example["payload"]


@pytest.mark.parametrize("n", [n for name, n in EXAMPLES if name == "tags"])
def test_the_examples_of_tags_are_what_is_written(n: int) -> None:
    example = example_of("tags", n)
    record = tags_record(parse_tags(json.dumps(example["payload"]).encode()), TOPICS)
    assert text_headers(record.headers) == example["headers"]
    assert json.loads(record.value or b"") == example["payload"]


def test_a_stream_that_is_deleted() -> None:
    deleted = tombstone_record("radio-1", TOPICS)
    assert (deleted.key, deleted.value, deleted.headers) == (KEY, example_of("tagsDeleted")["payload"], [])


def test_the_example_of_a_dead_letter_is_what_is_written() -> None:
    example = example_of("deadLetter")
    record = record_of(example)
    with pytest.raises(BadRecord) as refused:
        parse_record(record, InputRules())
    timed = InputRecord(
        record.topic, 3, 1241, int(example["headers"]["genred-timestamp"]), KEY, record.value, record.headers
    )
    assert text_headers(dead_letter_record(timed, refused.value, TOPICS).headers) == example["headers"]

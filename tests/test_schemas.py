"""Results are what their JSON Schemas say, and the schemas name nothing that the code does not produce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import daemon
from daemon.messages import TAGS_TYPE, WINDOW_TYPE, ModelId, Result, StreamTags, Tag, WindowTags

SCHEMAS = Path(daemon.__file__).parent / "schemas"
MODEL = ModelId("tiny", "1", "0f" * 32)
WINDOW = WindowTags(
    stream="radio-1",
    epoch="2026-01-02T03:04:05.678Z",
    window=7,
    start_s=14.0,
    end_s=18.0,
    time_s=1_767_323_063.678,
    silent=False,
    gap_s=0.25,
    scores={"jazz": 0.8123456789, "rock": 0.0},
    model=MODEL,
    title="Somebody – Something",
)
TAGS = StreamTags(
    stream="radio-1",
    epoch="2026-01-02T03:04:05.678Z",
    window=7,
    from_s=0.0,
    to_s=18.0,
    time_s=1_767_323_063.678,
    tags=(Tag("jazz", 0.7), Tag("blues", 0.21)),
    top="jazz",
    changed=True,
    final=False,
    model=MODEL,
    title="Somebody – Something",
)
RESULTS: dict[str, Result] = {
    "window": WINDOW,
    "window, silent": replace(WINDOW, silent=True, scores={}),
    "window, first, untitled": replace(WINDOW, window=0, start_s=0.0, end_s=4.0, gap_s=0.0, title=None),
    "tags": TAGS,
    "tags, unknown": replace(TAGS, tags=(), top="unknown", changed=False),
    "tags, final": replace(TAGS, changed=False, final=True, title=None),
    "tags, no window": replace(TAGS, window=None, to_s=0.0, tags=(), top="unknown", changed=False, final=True),
}


def schema_of(type_name: str) -> dict[str, Any]:
    """The shipped schema of one kind of result."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{type_name}.json").read_text(encoding="utf-8"))
    return schema


def validator_of(type_name: str) -> jsonschema.Draft202012Validator:
    """Checks an object against a shipped schema."""
    return jsonschema.Draft202012Validator(schema_of(type_name))


@pytest.mark.parametrize("type_name", [WINDOW_TYPE, TAGS_TYPE])
def test_schemas_are_valid(type_name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(type_name))


@pytest.mark.parametrize("name", RESULTS)
def test_results_validate(name: str) -> None:
    fields = json.loads(json.dumps(RESULTS[name].as_json()))
    validator_of(fields["type"]).validate(fields)


@pytest.mark.parametrize("result", [WINDOW, TAGS], ids=lambda result: type(result).__name__)
def test_schemas_name_what_the_code_produces(result: Result) -> None:
    fields = result.as_json()
    schema = schema_of(fields["type"])
    assert_same_fields(schema, fields, schema)
    assert set(schema["required"]) == set(replace(result, title=None).as_json())


@pytest.mark.parametrize(
    ("result", "change"),
    [
        (WINDOW, {"scores": {}}),
        (WINDOW, {"silent": True}),
        (WINDOW, {"scores": {"jazz": 1.5}}),
        (WINDOW, {"time": "2026-01-02 03:04:05"}),
        (TAGS, {"type": WINDOW_TYPE}),
        (TAGS, {"window": -1}),
        (TAGS, {"top": None}),
    ],
)
def test_what_is_no_result_is_refused(result: Result, change: Mapping[str, Any]) -> None:
    fields = result.as_json()
    with pytest.raises(jsonschema.ValidationError):
        validator_of(fields["type"]).validate({**fields, **change})


@pytest.mark.parametrize("result", [WINDOW, TAGS], ids=lambda result: type(result).__name__)
def test_added_fields_are_allowed(result: Result) -> None:
    fields = result.as_json()
    validator_of(fields["type"]).validate({**fields, "added_later": 1})


def assert_same_fields(part: Mapping[str, Any], value: Any, schema: Mapping[str, Any]) -> None:
    """`part` of `schema` has a property for each field of `value`, and the reverse, at every depth."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    if "items" in part:
        for item in value:
            assert_same_fields(part["items"], item, schema)
    if "properties" in part:
        assert set(part["properties"]) == set(value)
        for name, below in part["properties"].items():
            assert_same_fields(below, value[name], schema)

"""Results are what their JSON Schemas say, and the schemas name nothing that the code does not produce."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import daemon
from daemon.audio_format import AudioFormat, SampleFormat
from daemon.messages import (
    TAGS_TYPE,
    WINDOW_TYPE,
    LogRange,
    ModelId,
    ModelScores,
    ModelTags,
    Result,
    StreamTags,
    Tag,
    WindowTags,
    json_line,
)
from tests.parts import ListSource, make_parts, run_through
from tests.signals import tones
from tests.strategies import chunk_of

SCHEMAS = Path(daemon.__file__).parent / "schemas"
MODEL, OTHER = ModelId("tiny", "1", "0f" * 32), ModelId("other", "2", "f0" * 32)
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
    source=LogRange("audio.chunks", 3, 1201, 1240, 286_720),
    others=(ModelScores(OTHER, {"jazz": 0.7, "classical": 0.1}),),
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
    others=(ModelTags(OTHER, (Tag("jazz", 0.6),), "jazz", False),),
)
RESULTS: dict[str, Result] = {
    "window": WINDOW,
    "window, silent": replace(WINDOW, silent=True, scores={}, others=(ModelScores(OTHER, {}),)),
    "window, first, bare": replace(
        WINDOW, window=0, start_s=0.0, end_s=4.0, gap_s=0.0, title=None, source=None, others=()
    ),
    "tags": TAGS,
    "tags, unknown": replace(TAGS, tags=(), top="unknown", changed=False),
    "tags, of one model": replace(TAGS, others=()),
    "tags, final": replace(TAGS, changed=False, final=True, title=None),
    "tags, no window": replace(TAGS, window=None, to_s=0.0, tags=(), top="unknown", changed=False, final=True),
}

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
scores = st.floats(0, 1)
seconds = st.floats(0, 1e9)
models = st.builds(ModelId, texts, texts, st.binary(min_size=32, max_size=32).map(bytes.hex))
common: dict[str, st.SearchStrategy[Any]] = {
    "stream": texts,
    "epoch": texts,
    "time_s": st.floats(0, 4e9),
    "model": models,
    "title": st.none() | texts,
}
places = {"window": st.integers(0, 2**53), "start_s": seconds, "end_s": st.floats(0.01, 1e9), "gap_s": seconds}
counts = st.integers(0, 2**53)
sources = st.none() | st.builds(LogRange, texts, st.integers(0, 2**31 - 1), counts, counts, counts)
heard = st.dictionaries(texts, scores, min_size=1, max_size=60)
tags = st.lists(st.builds(Tag, texts, scores), max_size=5).map(tuple)


def further(said: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What no, one or more models say beside the first."""
    return st.lists(said, max_size=2).map(tuple)


def windows(silent: bool) -> st.SearchStrategy[WindowTags]:
    """Any window."""
    said = st.just({}) if silent else heard
    others = further(st.builds(ModelScores, models, said))
    return st.builds(WindowTags, **common, **places, source=sources, silent=st.just(silent), scores=said, others=others)


any_result: st.SearchStrategy[Result] = st.one_of(
    windows(silent=False),
    windows(silent=True),
    st.builds(
        StreamTags,
        **common,
        window=st.none() | st.integers(0, 2**53),
        from_s=seconds,
        to_s=seconds,
        tags=tags,
        top=texts,
        changed=st.booleans(),
        final=st.booleans(),
        others=further(st.builds(ModelTags, models, tags, texts, st.booleans())),
    ),
)


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


@given(any_result)
def test_any_result_validates(result: Result) -> None:
    fields = json.loads(json_line(result))
    validator_of(fields["type"]).validate(fields)


@pytest.mark.parametrize("whole_tracks", [False, True])
def test_results_of_a_run_validate(tiny_model: Path, whole_tracks: bool) -> None:
    """Music, a gap, silence; and a stream too short for a window."""
    fmt = AudioFormat(SampleFormat.S16LE, 16_000, 1)
    samples = tones(24, 16_000)
    samples[16 * 16_000 :] = 0
    pieces = [chunk_of(samples.tobytes(), a * 16_000, b * 16_000, fmt=fmt) for a, b in ((0, 7), (9, 24))]
    short = replace(chunk_of(samples.tobytes(), 0, 16_000, fmt=fmt), stream="short")

    async def go() -> list[Result]:
        parts = make_parts(tiny_model, whole_tracks)
        return (await run_through(parts, [ListSource("long", pieces), ListSource("short", [short])])).results

    results = [json.loads(json_line(result)) for result in asyncio.run(go())]
    for result in results:
        validator_of(result["type"]).validate(result)
    assert {result["silent"] for result in results if "silent" in result} == {True, False}
    assert any(result.get("gap_s", 0) >= 2 for result in results)
    assert [result["window"] for result in results if result["stream"] == "short"] == [None]


@pytest.mark.parametrize("type_name", [WINDOW_TYPE, TAGS_TYPE])
def test_every_field_is_described_and_every_duration_has_its_unit(type_name: str) -> None:
    schema = schema_of(type_name)
    for name, field in schema["properties"].items():
        described = field.get("description") or schema["$defs"][name]["description"]
        assert described.endswith(".")
        assert ("Unit: seconds" in described) == name.endswith("_s")


@pytest.mark.parametrize("result", [WINDOW, TAGS], ids=lambda result: type(result).__name__)
def test_schemas_name_what_the_code_produces(result: Result) -> None:
    fields = result.as_json()
    schema = schema_of(fields["type"])
    assert_same_fields(schema, fields, schema)
    bare = set(fields) - {"title", "source", "others"}
    assert set(schema["required"]) == bare


@pytest.mark.parametrize(
    ("result", "change"),
    [
        (WINDOW, {"scores": {}}),
        (WINDOW, {"silent": True}),
        (WINDOW, {"scores": {"jazz": 1.5}}),
        (WINDOW, {"time": "2026-01-02 03:04:05"}),
        (WINDOW, {"source": {"topic": "audio.chunks", "partition": 3}}),
        (WINDOW, {"others": []}),
        (WINDOW, {"others": [{"model": OTHER.as_json()}]}),
        (WINDOW, {"others": [{"model": OTHER.as_json(), "scores": {}}]}),
        (WINDOW, {"silent": True, "scores": {}}),  # the other model's are still there
        (TAGS, {"others": [{"model": OTHER.as_json(), "tags": [], "top": "unknown"}]}),
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

"""The card: survives a round trip, refuses everything it should, by name."""

import dataclasses
import json
import stat
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card import (
    CARD_KEY,
    GOLDEN_INPUT_KEY,
    GOLDEN_OUTPUT_KEY,
    Card,
    CardError,
    Carry,
    Label,
    card_from_metadata,
    card_to_metadata,
)
from models.card_file import read_card, write_model
from models.catalogue import PRETRAINED, ModelNotFound, pretrained_models, resolve_model
from models.front_ends.spec import MUSICNN_FRONT_END

REQUIRED_FIELDS = sorted(
    {field.name for field in dataclasses.fields(Card)} - {"golden_input", "golden_output", "thresholds", "carry"}
    | {"schema"}
)


def make_card(**changes: object) -> Card:
    """A small valid card: two labels, the front end of musicnn."""
    card = Card(
        name="tiny",
        version="1",
        labels=(Label("jazz", "genre"), Label("Größe ♪", "other")),
        front_end=MUSICNN_FRONT_END,
        golden_input=np.linspace(0, 4, 250 * 96, dtype=np.float32).reshape(250, 96),
        golden_output=np.array([0.25, 0.75], dtype=np.float32),
        licence="ISC",
        provenance={"package": "none"},
        training={"roc_auc": 0.5},
        thresholds={"jazz": 0.3},
        carry=Carry("carried", "carry"),
    )
    return dataclasses.replace(card, **changes)  # type: ignore[arg-type]


def edited(**changes: object) -> dict[str, str]:
    """The metadata of a valid card with fields of its JSON replaced."""
    metadata = card_to_metadata(make_card())
    metadata[CARD_KEY] = json.dumps(json.loads(metadata[CARD_KEY]) | changes)
    return metadata


def test_round_trip_keeps_everything() -> None:
    card = make_card()
    again = card_from_metadata(card_to_metadata(card))
    assert again == card
    np.testing.assert_array_equal(again.golden_input, card.golden_input)
    np.testing.assert_array_equal(again.golden_output, card.golden_output)


@given(
    st.lists(st.tuples(st.text(), st.sampled_from(["genre", "mood"])), min_size=1, unique_by=lambda pair: pair[0]),
    st.text(),
)
def test_round_trip_of_any_words(pairs: list[tuple[str, str]], name: str) -> None:
    labels = tuple(Label(word, "genre" if kind == "genre" else "mood") for word, kind in pairs)
    card = make_card(name=name, labels=labels, thresholds={}, golden_output=np.zeros(len(labels), np.float32))
    assert card_from_metadata(card_to_metadata(card)) == card


def test_frames_and_genres_follow_from_the_fields() -> None:
    card = make_card()
    assert (card.frames_per_hop, card.frames_per_window) == (125, 250)
    assert card.genres == ("jazz",)
    assert card.label_names == ("jazz", "Größe ♪")


def test_unknown_fields_are_tolerated() -> None:
    assert card_from_metadata(edited(colour="blue")) == make_card()


def test_thresholds_may_be_absent() -> None:
    metadata = edited()
    fields = json.loads(metadata[CARD_KEY])
    del fields["thresholds"]
    assert card_from_metadata(metadata | {CARD_KEY: json.dumps(fields)}).thresholds == {}


def test_a_carry_may_be_absent_or_null_but_not_half() -> None:
    metadata = edited()
    fields = json.loads(metadata[CARD_KEY])
    for there in ({}, {"carry": None}):
        without = {key: value for key, value in fields.items() if key != "carry"} | there
        assert card_from_metadata(metadata | {CARD_KEY: json.dumps(without)}).carry is None
    halves: tuple[object, ...] = ({"input_name": "carried"}, [], "carried")
    for half in halves:
        with pytest.raises(CardError, match=r"carry|output_name"):
            card_from_metadata(metadata | {CARD_KEY: json.dumps({**fields, "carry": half})})


def test_a_carry_needs_windows_of_two_hops() -> None:
    with pytest.raises(CardError, match="a carry needs windows of two hops"):
        dataclasses.replace(make_card(), hop_s=1.0)


@pytest.mark.parametrize("missing", REQUIRED_FIELDS)
def test_a_missing_field_is_refused_by_name(missing: str) -> None:
    metadata = edited()
    fields = json.loads(metadata[CARD_KEY])
    del fields[missing]
    with pytest.raises(CardError, match=missing):
        card_from_metadata(metadata | {CARD_KEY: json.dumps(fields)})


@pytest.mark.parametrize(
    "missing", [field.name for field in dataclasses.fields(MUSICNN_FRONT_END) if field.name != "n_mfcc"]
)
def test_a_missing_front_end_field_is_refused_by_name(missing: str) -> None:
    front_end = dataclasses.asdict(MUSICNN_FRONT_END)
    del front_end[missing]
    with pytest.raises(CardError, match=missing):
        card_from_metadata(edited(front_end=front_end))


def test_a_card_from_before_there_were_mfcc_has_none() -> None:
    front_end = dataclasses.asdict(MUSICNN_FRONT_END)
    del front_end["n_mfcc"]
    assert card_from_metadata(edited(front_end=front_end)).front_end == MUSICNN_FRONT_END


@pytest.mark.parametrize("missing", [CARD_KEY, GOLDEN_INPUT_KEY, GOLDEN_OUTPUT_KEY])
def test_a_missing_metadata_key_is_refused_by_name(missing: str) -> None:
    metadata = edited()
    del metadata[missing]
    with pytest.raises(CardError, match=missing):
        card_from_metadata(metadata)


FRONT_END = dataclasses.asdict(MUSICNN_FRONT_END)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema": 2}, "schema 2"),
        ({"schema": "1"}, "'schema' must be a int"),
        ({"schema": True}, "'schema' must be a int"),
        ({"labels": {}}, "must be a list"),
        ({"labels": []}, "no labels|golden.output holds 8 bytes"),
        ({"labels": ["jazz"]}, "a label must be a JSON object"),
        ({"labels": [{"name": "jazz", "kind": "genre"}]}, "golden.output holds 8 bytes"),
        ({"labels": [{"name": "jazz", "kind": "genre"}] * 2}, "occur twice: jazz"),
        ({"labels": [{"name": "jazz", "kind": "genre"}, {"name": "x", "kind": "smell"}]}, "unknown kind 'smell'"),
        ({"labels": [{"name": "jazz"}, {"name": "x", "kind": "mood"}]}, "label lacks the field 'kind'"),
        ({"window_s": 3.0}, "whole multiple|golden.input holds"),
        ({"window_s": float("inf")}, "finite number"),
        ({"window_s": None}, "finite number"),
        ({"hop_s": 0}, "whole multiple"),
        ({"hop_s": 0.003}, "whole multiple"),
        ({"hop_s": 0.001, "carry": None}, "whole number of frames"),
        ({"activation": "relu"}, "unknown activation 'relu'"),
        ({"thresholds": {"polka": 0.5}}, "no label"),
        ({"thresholds": {"jazz": 1.5}}, "not within 0..1"),
        ({"thresholds": {"jazz": "high"}}, "finite number"),
        ({"thresholds": []}, "must be a JSON object"),
        ({"front_end": FRONT_END | {"n_mels": 0}}, "must be positive"),
        ({"front_end": FRONT_END | {"n_fft": 511}}, "must be even"),
        ({"front_end": FRONT_END | {"n_mels": 64}}, "golden.input holds"),
        ({"front_end": FRONT_END | {"f_max_hz": 9000}}, "does not lie within"),
        ({"front_end": FRONT_END | {"scaling": "sqrt"}}, "unknown scaling 'sqrt'"),
        ({"front_end": FRONT_END | {"kind": "hearsay"}}, "unknown kind 'hearsay'"),
        ({"front_end": FRONT_END | {"mel": "htk"}}, "unknown mel 'htk'"),
        ({"front_end": FRONT_END | {"normalisation": "global"}}, "unknown normalisation"),
        ({"front_end": 7}, "must be a JSON object"),
        ({"provenance": "somewhere"}, "provenance must be a JSON object"),
        ({"name": 5}, "'name' must be a str"),
    ],
)
def test_contradictions_are_refused_with_their_reason(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(CardError, match=reason) as refusal:
        card_from_metadata(edited(**changes))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        (CARD_KEY, "{", "not valid JSON"),
        (CARD_KEY, "[]", "card must be a JSON object"),
        (CARD_KEY, "[" * 100_000, "."),
        (GOLDEN_INPUT_KEY, "%%%", "not valid base64"),
        (GOLDEN_OUTPUT_KEY, "é", "not valid base64"),
        (GOLDEN_INPUT_KEY, "AAAA", "holds 3 bytes"),
        (GOLDEN_OUTPUT_KEY, "AADAfwAAAAA=", "not finite"),
    ],
)
def test_garbage_is_refused(key: str, text: str, reason: str) -> None:
    with pytest.raises(CardError, match=reason):
        card_from_metadata(edited() | {key: text})


def test_a_card_that_is_built_wrong_is_refused_too() -> None:
    with pytest.raises(CardError, match="golden input has shape"):
        make_card(golden_input=np.zeros((10, 96), np.float32))


def identity_model() -> onnx.ModelProto:
    """The smallest ONNX model there is."""
    shape = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", shape[:1], shape[1:]))


def test_written_into_a_file_and_read_back(tmp_path: Path) -> None:
    model = identity_model()
    onnx.helper.set_model_props(model, {"author": "me", CARD_KEY: "an older card"})
    path = tmp_path / "tiny.onnx"
    write_model(model, make_card(), path)
    assert read_card(path) == make_card()
    assert "author" in {entry.key for entry in onnx.load(path).metadata_props}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny.onnx"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path: Path) -> None:
    target = tmp_path / "tiny.onnx"
    target.mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError):
        write_model(identity_model(), make_card(), target)
    assert list(tmp_path.iterdir()) == [target]


def test_names_and_paths_resolve(tmp_path: Path) -> None:
    for shipped in pretrained_models():
        assert resolve_model(shipped.stem) == shipped == PRETRAINED / shipped.name
    own = tmp_path / "own.onnx"
    own.touch()
    assert resolve_model(str(own)) == own


@pytest.mark.parametrize("name", ["nonesuch", "./nonesuch.onnx", "nonesuch.onnx", ""])
def test_an_unknown_model_lists_the_known(name: str) -> None:
    with pytest.raises(ModelNotFound, match="shipped models: "):
        resolve_model(name)

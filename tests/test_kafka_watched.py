"""Values of the tags topic: read as they were written, refused when they are none, never steering a terminal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from daemon.kafka.watch import Seen
from daemon.kafka.watch_table import ENDED_SHOWN_S, Board, age
from daemon.kafka.watched import MAX_VALUE_BYTES, parse_tags, safe_line
from daemon.messages import TAGS_TYPE, json_line
from tests.tags import TAGS


def test_tags_are_read_as_they_were_written() -> None:
    for tags in (TAGS, replace(TAGS, window=None, final=True, tags=(), top="unknown"), replace(TAGS, title="a – b")):
        assert parse_tags(json_line(tags).encode()) == tags


@pytest.mark.parametrize(
    "change",
    [
        {"type": "genred.window.v1"},
        {"stream": 7},
        {"stream": None},
        {"window": 1.5},
        {"window": True},
        {"to_s": "8"},
        {"to_s": float("nan")},
        {"to_s": 10**400},
        {"time": "9999-12-31T23:59:59+00:00"},
        {"time": "0001-01-01T00:00:00"},
        {"time": "soon"},
        {"tags": [{"tag": "jazz"}]},
        {"tags": {"jazz": 1}},
        {"tags": 3},
        {"top": ["jazz"]},
        {"model": "tiny"},
        {"title": 3},
    ],
)
def test_values_that_are_no_tags(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        parse_tags(json.dumps(TAGS.as_json() | change).encode())


@given(st.binary(max_size=50) | st.text(max_size=50).map(str.encode) | st.just(b"[" * 50_000) | st.just(b"9" * 5000))
def test_any_bytes_are_tags_or_refused(value: bytes) -> None:
    with pytest.raises(ValueError):
        parse_tags(value)


def test_a_huge_value_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_tags(b" " * (MAX_VALUE_BYTES + 1))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(TAGS.as_json() | {"title": "", "others": []})), ANY, max_size=3))
def test_whatever_is_in_the_fields_a_terminal_is_safe(changes: dict[str, Any]) -> None:
    value = json.dumps(TAGS.as_json() | changes | {"type": TAGS_TYPE}, ensure_ascii=False).encode("utf-8", "replace")
    try:
        tags = parse_tags(value)
    except ValueError:
        return
    board = Board()
    board.take([Seen(tags.stream, tags, "", present=False)], TAGS.time_s)
    console = Console(width=200, height=40, force_terminal=False)
    with console.capture() as shown:
        console.print(board.table(TAGS.time_s, 40, 0))
    for text in (shown.get().replace("\n", ""), safe_line(value)):
        assert all(character.isprintable() for character in text)


def test_the_raw_line_is_kept_unless_it_steers() -> None:
    assert safe_line('{"a": "ü"}'.encode()) == '{"a": "ü"}'
    assert safe_line('{"a":\n "\x9b1m"}'.encode()) == '{"a":"\\u009b1m"}'


def test_the_board() -> None:
    now_s, board = TAGS.time_s + 5, Board()
    names = [f"s{number:02d}" for number in range(30)]
    board.take([Seen(name, replace(TAGS, stream=name), "", present=True) for name in names], now_s)
    board.take([Seen("s00", replace(TAGS, stream="s00", final=True), "", False), Seen("s01", None, "", False)], now_s)
    text = rendered(board, now_s)
    assert "29 streams" in text
    assert "15 more streams do not fit, 2 values skipped" in text
    assert "ended" in text
    assert "s01" not in text
    assert re.search(r"s02 +jazz +██████▋ +0\.66 +blues 0\.22 +5 s", text)
    board.take([], now_s + ENDED_SHOWN_S)
    assert "28 streams" in rendered(board, now_s)


def rendered(board: Board, now_s: float) -> str:
    console = Console(width=120, height=20)
    with console.capture() as shown:
        console.print(board.table(now_s, 20, 2))
    assert len(shown.get().splitlines()) <= 20
    return shown.get()


def test_ages() -> None:
    assert [age(seconds) for seconds in (0.9, 59, 60, 3599, 7200, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "59 min",
        "2 h",
        "2 d",
    ]

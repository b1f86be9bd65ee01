"""What people see of one model, and of several: console lines, CSV, `genred tag` and its picture, `genred watch`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from daemon.kafka.watch import Seen
from daemon.kafka.watch_table import Board
from daemon.kafka.watched import parse_tags
from daemon.messages import ModelId, ModelScores, ModelTags, Result, StreamTags, Tag, WindowTags, json_line
from daemon.roster import Roster, Voice
from daemon.sinks import taggram
from daemon.sinks.console import ConsoleSink
from daemon.sinks.csv import CsvSink
from daemon.sinks.taggram import TaggramSink
from tests.process import genred
from tests.signals import tones, write_wav
from tests.tags import TAGS
from tests.test_schemas import WINDOW

OTHER = ModelId("other-model", "1", "1" * 64)
BOTH = replace(TAGS, others=(ModelTags(OTHER, (Tag("classical", 0.8),), "classical", False),))
ROSTER = Roster(
    (
        Voice(WINDOW.model, ("jazz", "rock"), (0, 1), ("jazz",), (0,)),
        Voice(OTHER, ("classical", "jazz"), (3, 2), ("classical",), (3,)),
    ),
    4,
)
PAIR = replace(WINDOW, others=(ModelScores(OTHER, {"classical": 0.1, "jazz": 0.7}),))


def printed(results: Sequence[Result]) -> list[str]:
    """The console's lines, without their time of day."""
    out = io.StringIO()
    sink = ConsoleSink(out)
    for result in results:
        asyncio.run(sink.write([result]))
    return [line[10:] for line in out.getvalue().splitlines()]


def test_the_console_names_no_model_when_there_is_one() -> None:
    assert printed([TAGS, replace(TAGS, changed=False)]) == ["radio-1  00:10  jazz           ██████▋    .66  blues .22"]


def test_the_console_has_a_line_a_model_that_says_something_new() -> None:
    news = replace(BOTH, changed=False, others=(replace(BOTH.others[0], changed=True),))
    assert printed([BOTH]) == ["radio-1  00:10  tiny         jazz           ██████▋    .66  blues .22"]
    assert printed([news]) == ["radio-1  00:10  other-model  classical      ████████   .80"]
    assert printed([replace(news, others=BOTH.others)]) == []
    assert [line[16:29] for line in printed([replace(BOTH, final=True)])] == ["tiny         ", "other-model  "]
    titled = replace(BOTH, changed=False, title="a")
    assert len(printed([titled, titled, replace(titled, title="b")])) == 4


def rows(roster: Roster, results: Sequence[WindowTags]) -> list[dict[str, str]]:
    """CSV as a reader has it."""
    out = io.StringIO()
    asyncio.run(CsvSink(out, roster).write(results))
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_csv_of_one_model_has_no_column_for_it() -> None:
    (row,) = rows(Roster(ROSTER.voices[:1], 2), [replace(WINDOW, others=())])
    assert list(row) == ["stream", "epoch", "window", "start_s", "end_s", "silent", "gap_s", "jazz", "rock"]


def test_csv_has_a_row_a_model_and_every_label() -> None:
    silent = replace(PAIR, window=8, silent=True, scores={}, others=(ModelScores(OTHER, {}),))
    found = rows(ROSTER, [PAIR, silent])
    assert list(found[0])[-4:] == ["model", "jazz", "rock", "classical"]
    assert [list(row.values())[-4:] for row in found] == [
        ["tiny", "0.812346", "0.000000", ""],
        ["other-model", "0.700000", "", "0.100000"],
        ["tiny", "", "", ""],
        ["other-model", "", "", ""],
    ]
    assert [row["window"] for row in found] == ["7", "7", "8", "8"]


def test_the_taggram_has_a_panel_a_stream_and_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[taggram.Panel, Sequence[WindowTags]] = {}
    draw = taggram.draw_taggram

    def remember(path: Path, windows: dict[taggram.Panel, list[WindowTags]], labels: dict[str, list[str]]) -> None:
        drawn.update(windows)
        draw(path, windows, labels)

    monkeypatch.setattr(taggram, "draw_taggram", remember)
    sink = TaggramSink(tmp_path / "tags.png", ROSTER)
    streams = [f"s{number}" for number in range(6)]
    several = [
        replace(PAIR, stream=stream, window=k, start_s=2.0 * k, end_s=2.0 * k + 4) for k in (1, 2) for stream in streams
    ]
    asyncio.run(sink.write(several))
    asyncio.run(sink.close())
    assert list(drawn) == [(stream, model) for stream in streams[:4] for model in ("tiny", "other-model")]
    assert all([window.window for window in panel] == [1, 2] for panel in drawn.values())
    assert (tmp_path / "tags.png").stat().st_size > 1000


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("audio") / "tones.wav", tones(7, 16_000), 16_000)


def test_tag_with_two_models(wav: Path, tiny_model: Path, other_model: Path, tmp_path: Path) -> None:
    models = ("--model", str(tiny_model), "-m", str(other_model))
    lines = genred("tag", str(wav), *models).stdout.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        [clock, model] for clock in ("00:00-00:04", "00:02-00:06") for model in ("tiny", "other")
    ]
    assert [line.split()[:4] for line in lines[4:]] == [
        ["tones.wav", "00:00-00:06", model, "=>"] for model in ("tiny", "other")
    ]
    picture = tmp_path / "tags.png"
    found = genred("tag", str(wav), *models, "-o", "csv", "--plot", str(picture))
    assert [row["model"] for row in csv.DictReader(io.StringIO(found.stdout))] == ["tiny", "other"] * 2
    assert picture.exists()
    results = [json.loads(line) for line in genred("tag", str(wav), *models, "-o", "jsonl").stdout.splitlines()]
    assert [len(result["others"]) for result in results] == [1, 1, 1]


def test_one_model_on_the_command_line_goes_over_several_in_the_file(
    wav: Path, tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "genred.toml"
    settings.write_text(f'models = ["{tiny_model}", "{other_model}"]\n')
    both = genred("tag", str(wav), "-c", str(settings), "-o", "jsonl").stdout.splitlines()
    assert "others" in json.loads(both[0])
    one = genred("tag", str(wav), "-c", str(settings), "-o", "jsonl", "--model", str(other_model)).stdout.splitlines()
    assert json.loads(one[0])["model"]["name"] == "other"
    assert "others" not in json.loads(one[0])


def test_tags_of_several_models_are_read_as_they_were_written() -> None:
    assert parse_tags(json_line(BOTH).encode()) == BOTH
    torn: list[Any] = [[{"model": {}}], [3], {"a": 1}, "no", [{**BOTH.others[0].as_json(), "top": 3}]]
    for others in torn:
        with pytest.raises(ValueError, match="not genred"):
            parse_tags(json.dumps({**TAGS.as_json(), "others": others}).encode())


def shown(board: Board) -> str:
    """The table as text."""
    console = Console(width=120, height=20)
    with console.capture() as text:
        console.print(board.table(TAGS.time_s, 20, 0))
    return text.get()


def seen(stream: str, tags: StreamTags) -> Seen:
    """A value of the topic."""
    return Seen(stream, replace(tags, stream=stream), "", present=False)


def test_watch_shows_the_first_model_or_the_one_that_is_named() -> None:
    first, named, none = Board(), Board("other-model"), Board("nobody")
    for board in (first, named, none):
        board.take([seen("two-models", BOTH), seen("one-model", TAGS)], TAGS.time_s)
    assert "jazz" in shown(first)
    assert "classical" not in shown(first)
    assert "streams without" not in shown(first)
    assert "classical" in shown(named)
    assert "1 streams without tags of other-model" in shown(named)
    assert "one-model" not in shown(named)
    assert "2 streams without tags of nobody" in shown(none)
    named.take([seen("two-models", TAGS), Seen("one-model", None, "", present=False)], TAGS.time_s)
    assert "0 streams" in shown(named)
    assert "1 streams without tags of other-model" in shown(named)

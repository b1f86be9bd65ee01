"""`genred check` and the files of sinks: what a start could not write to is said before, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from daemon.errors import SinkFailed
from daemon.sinks.jsonl import JsonlSink
from daemon.sinks.try_file import try_file
from tests.process import genred


def checked(folder: Path, model: Path, *paths: Path) -> tuple[int, str]:
    """The exit code of a check with these sinks, and the line that it says of them."""
    settings = folder / "genred.toml"
    sinks = "".join(f'[[sinks]]\nkind = "jsonl"\npath = {json.dumps(str(path))}\n' for path in paths)
    settings.write_text(f'model = "{model}"\nhttp.enabled = false\n{sinks}')
    done = genred("check", "-c", str(settings))
    (line,) = [line for line in done.stdout.splitlines() if " sinks: " in line]
    return done.returncode, line


def test_a_check_says_which_files_cannot_be_written(tmp_path: Path, tiny_model: Path) -> None:
    good, bad, worse = tmp_path / "tags.jsonl", tmp_path / "nowhere" / "tags.jsonl", tmp_path
    assert checked(tmp_path, tiny_model, good) == (0, f"ok    sinks: {good}")
    code, line = checked(tmp_path, tiny_model, good, bad, worse)
    assert code == 70  # a start's
    assert line == (
        f"FAIL  sinks: sink {bad}: cannot be opened: there is no folder {bad.parent}; "
        f"sink {worse}: cannot be opened: Is a directory"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["genred.toml"]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Files of every kind, most of them not there."""
    (tmp_path / "there.jsonl").write_text("before\n")
    (tmp_path / "link").symlink_to(tmp_path / "target.jsonl")
    (tmp_path / "link nowhere").symlink_to(tmp_path / "nowhere" / "target.jsonl")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    return {
        "there": tmp_path / "there.jsonl",
        "new": tmp_path / "new.jsonl",
        "link": tmp_path / "link",
        "pipe": tmp_path / "pipe",
        "null": Path("/dev/null"),
        "no folder": tmp_path / "nowhere" / "new.jsonl",
        "link nowhere": tmp_path / "link nowhere",
        "loop": tmp_path / "loop",
        "below a file": tmp_path / "there.jsonl" / "new.jsonl",
        "folder": tmp_path,
        "long": tmp_path / ("x" * 300),
        "nobody's": Path("/sys/new.jsonl"),  # not even root's
    }


GOOD = ["there", "new", "link", "pipe", "null"]


@pytest.mark.parametrize("name", GOOD)
def test_what_could_be_written_is_left_as_it_is(places: dict[str, Path], tmp_path: Path, name: str) -> None:
    before = {path: path.lstat() for path in [tmp_path, *tmp_path.iterdir()]}
    try_file(places[name])
    after = {path: path.lstat() for path in [tmp_path, *tmp_path.iterdir()]}
    assert {path: (stat.st_ino, stat.st_size) for path, stat in after.items()} == {
        path: (stat.st_ino, stat.st_size) for path, stat in before.items()
    }
    if name != "pipe":  # which waits for a reader
        asyncio.run(JsonlSink(places[name]).close())


@pytest.mark.parametrize("name", ["no folder", "link nowhere", "loop", "below a file", "folder", "long", "nobody's"])
def test_what_a_sink_cannot_open_a_check_cannot(places: dict[str, Path], name: str) -> None:
    with pytest.raises(SinkFailed, match="cannot be opened"):
        JsonlSink(places[name])
    with pytest.raises(SinkFailed, match="cannot be opened"):
        try_file(places[name])

"""`genred watch` on a real topic: its present, then what comes; whatever is in it, the terminal is safe."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from daemon.kafka.watch import Seen
from daemon.kafka.watch_table import ENDED_SHOWN_S, Board, age
from daemon.kafka.watched import MAX_VALUE_BYTES, parse_tags, safe_line
from daemon.messages import TAGS_TYPE, ModelId, StreamTags, Tag, json_line
from tests.kafka_commands import settings_file, started
from tests.kafka_fixtures import MakeTopic
from tests.kafka_topics import create_topic, write
from tests.process import TIME_LIMIT_S, genred

TAGS = StreamTags(
    stream="radio-1",
    epoch="2026-11-20T18:00:00Z",
    window=3,
    from_s=0.0,
    to_s=10.0,
    time_s=1_795_000_000.25,
    tags=(Tag("jazz", 0.66), Tag("blues", 0.22)),
    top="jazz",
    changed=True,
    final=False,
    model=ModelId("tiny", "1", "0" * 64),
)


def says(stream: str, top: str = "jazz", **fields: Any) -> bytes:
    """A value of the topic."""
    tags = (Tag(top, 0.5),) if top not in ("unknown", "silence") else ()
    return json_line(replace(TAGS, stream=stream, top=top, tags=tags, **fields)).encode()


def tell(kafka: str, topic: str, stream: str, *values: bytes) -> None:
    """Write values about a stream."""
    asyncio.run(write(kafka, topic, values, key=stream.encode()))


def settings(folder: Path, kafka: str, topic: str) -> str:
    """A settings file with this topic of tags."""
    return str(settings_file(folder, {"bootstrap_servers": [kafka], "tags_topic": topic}))


def history(kafka: str, topic: str) -> None:
    """Streams that play, one that has ended, one that was deleted, and what is no tags."""
    tell(kafka, topic, "radio-1", says("radio-1", "rock"), says("radio-1", "jazz", changed=False))
    tell(kafka, topic, "radio-2", says("radio-2", "folk"))
    tell(kafka, topic, "over", says("over", "metal"), says("over", "metal", changed=False, final=True))
    tell(kafka, topic, "gone", says("gone", "pop"))
    asyncio.run(delete(kafka, topic, "gone"))
    tell(kafka, topic, "junk", b"junk", b"{}", b"\xff", b"[" * 100_000)


async def delete(kafka: str, topic: str, stream: str) -> None:
    """Write a tombstone."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, None, key=stream.encode())


def test_the_present_then_every_change(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags", 2, {"cleanup.policy": "compact"})
    history(kafka, topic)
    with started(tmp_path, "watch", "-c", settings(tmp_path, kafka, topic)) as watch:
        watch.wait_for_output("radio-2")
        watch.wait_for_output("radio-1")
        tell(kafka, topic, "radio-1", says("radio-1", "jazz", changed=False), says("radio-1", "blues"))
        watch.wait_for_output("blues")
        tell(kafka, topic, "radio-2", says("radio-2", "folk", changed=False, final=True))
        watch.wait_for_output("(end)")
        assert watch.stop(signal.SIGINT) == 0
        lines = [line.split()[1:5:3] + line.split()[3:4] for line in watch.out.splitlines()]
    assert sorted(line[0] for line in lines) == ["radio-1", "radio-1", "radio-2", "radio-2"]
    assert "rock" not in watch.out
    assert watch.err == "genred: 4 values were no tags, and were skipped\n"


def test_json_lines_of_some_streams(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags", 2)
    history(kafka, topic)
    file = settings(tmp_path, kafka, topic)
    with started(tmp_path, "watch", "-c", file, "--jsonl", "--stream", "*-1") as watch:
        watch.wait_for_output("\n")
        later = json.dumps(json.loads(says("other-1")) | {"new field": "ü"}, ensure_ascii=False)  # not written anew
        tell(kafka, topic, "other-1", later.encode())
        watch.wait_for_output("\n", times=2)
        assert watch.stop() == 0
        assert watch.out.splitlines() == [says("radio-1", "jazz", changed=False).decode(), later]


def test_from_the_beginning(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags")
    history(kafka, topic)
    with started(tmp_path, "watch", "-c", settings(tmp_path, kafka, topic), "--from-beginning", "--jsonl") as watch:
        watch.wait_for_output("\n", times=6)
        assert watch.stop() == 0
        told = [(tags["stream"], tags["top"], tags["final"]) for tags in map(json.loads, watch.out.splitlines())]
    assert told == [
        ("radio-1", "rock", False),
        ("radio-1", "jazz", False),
        ("radio-2", "folk", False),
        ("over", "metal", False),
        ("over", "metal", True),
        ("gone", "pop", False),
    ]


def test_aborted_transactions_are_not_shown(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags")

    async def publish() -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic) as producer:
            async with producer.transaction():
                await producer.send(topic, says("committed"), key=b"committed")
            await producer.begin_transaction()
            await producer.send_and_wait(topic, says("aborted"), key=b"aborted")
            await producer.abort_transaction()

    asyncio.run(publish())
    with started(tmp_path, "watch", "-c", settings(tmp_path, kafka, topic), "--jsonl") as watch:
        watch.wait_for_output("committed")  # the topic ends with an abort's marker: that holds up nothing
        tell(kafka, topic, "later", says("later"))
        watch.wait_for_output("later")
        assert watch.stop() == 0
        assert "aborted" not in watch.out


def test_it_ends_when_nobody_reads(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags")
    tell(kafka, topic, "radio-1", says("radio-1"))
    command = [sys.executable, "-m", "daemon", "watch", "-c", settings(tmp_path, kafka, topic), "--jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"radio-1" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(TIME_LIMIT_S) == 0
        assert process.stderr.read() == b""


def test_a_topic_that_is_not_there(kafka: str, tmp_path: Path) -> None:
    done = genred("watch", "-c", settings(tmp_path, kafka, "not.there"))
    assert done.returncode == 78
    assert "genred topics create" in done.stderr


def test_a_table_on_a_terminal(kafka: str, tmp_path: Path) -> None:
    topic = f"tags.{tmp_path.name}.{os.getpid()}"
    asyncio.run(create_topic(kafka, topic))
    evil = "evil\x1b]0;owned\x07\x9b31m\r\n"
    tell(kafka, topic, evil, says(evil, "\x1b[2Jjazz", title="\x1b[31mred"))
    tell(kafka, topic, "radio-1", says("radio-1", "ambient"))
    screen = shown_on_terminal(["watch", "-c", settings(tmp_path, kafka, topic)], until="radio-1")
    assert "ambient" in screen
    assert "0.50" in screen
    assert "evil�]0;owned" in screen
    for sequence in ("\x1b]0;", "\x1b[2Jjazz", "\x9b31m", "\x1b[31mred"):
        assert sequence not in screen


def shown_on_terminal(arguments: list[str], until: str) -> str:
    """What `genred` writes to a terminal up to `until`; it is then interrupted, and must end with 0."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": "120", "LINES": "24", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "daemon", *arguments]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    written, deadline = b"", time.monotonic() + TIME_LIMIT_S
    try:
        while until.encode() not in written and time.monotonic() < deadline:
            if select.select([controller], [], [], 0.1)[0]:
                written += os.read(controller, 65_536)
        process.send_signal(signal.SIGINT)
        while select.select([controller], [], [], TIME_LIMIT_S)[0]:
            written += os.read(controller, 65_536)
    except OSError:  # the terminal's other side has closed
        pass
    finally:
        os.close(controller)
        if process.poll() is None and time.monotonic() > deadline:
            process.kill()
    assert process.wait(TIME_LIMIT_S) == 0
    return written.decode()


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


@given(st.dictionaries(st.sampled_from(sorted(TAGS.as_json() | {"title": ""})), ANY, max_size=3))
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

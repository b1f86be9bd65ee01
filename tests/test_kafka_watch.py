"""`genred watch` on a real topic: its present, then what comes; whatever is in it, the terminal is safe."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from daemon.messages import ModelId, ModelTags, Tag, json_line
from tests.kafka_commands import settings_file, started
from tests.kafka_fixtures import MakeTopic
from tests.kafka_topics import create_topic, write
from tests.process import TIME_LIMIT_S, genred
from tests.tags import TAGS


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


def test_what_another_model_says(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic("tags")
    other = ModelTags(ModelId("second", "1", "1" * 64), (Tag("classical", 0.8),), "classical", changed=False)
    tell(kafka, topic, "radio-1", says("radio-1", "jazz", others=(other,)))
    tell(kafka, topic, "radio-2", says("radio-2", "folk"))
    with started(tmp_path, "watch", "-c", settings(tmp_path, kafka, topic), "--model", "second") as watch:
        watch.wait_for_output("classical")
        tell(kafka, topic, "radio-1", says("radio-1", "rock", others=(other,)))  # news, but not of this model
        tell(kafka, topic, "radio-1", says("radio-1", "rock", others=(replace(other, top="opera", changed=True),)))
        watch.wait_for_output("opera")
        assert watch.stop() == 0
        assert [line.split()[1:4:2] for line in watch.out.splitlines()] == [
            ["radio-1", "classical"],
            ["radio-1", "opera"],
        ]


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

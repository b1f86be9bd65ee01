"""The log: repeats are counted, and nobody is held up by what cannot be written."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.log_ration import COMMON, LINES, MINUTE_S
from daemon.log_repeats import ANSWER, FREE, LONGEST_WINDOW_S, Repeats
from tests.kafka_broker import free_ports
from tests.process import TIME_LIMIT_S, wait_for
from tests.signals import tones, write_wav
from tests.test_service import settings_file

TMPFS_BYTES = 65_536


def record(text: str, *arguments: object, logger: str = "aiokafka.conn") -> logging.LogRecord:
    return logging.LogRecord(logger, logging.WARNING, __file__, 0, text, arguments, None)


def test_of_a_librarys_trouble_one_line_is_said_and_the_rest_counted() -> None:
    repeats = Repeats()
    passed = [repeats.passes(record("no broker at %s", number), number / 10) for number in range(100)]
    assert passed == [True] + 99 * [False]
    assert repeats.passes(record("something else"), 10.0)
    assert repeats.due(MINUTE_S - 1) == []
    (said,) = repeats.due(MINUTE_S)
    assert said.getMessage() == f"no broker at 99 (the last of 99 in {MINUTE_S:.0f} s)"
    assert repeats.left_out == 98


def test_our_own_messages_differ_by_what_they_are_about() -> None:
    repeats = Repeats()
    streams = [repeats.passes(record("source %s has stalled", n, logger="daemon.x"), 0.0) for n in range(2 * FREE)]
    assert streams == FREE * [True] + FREE * [False]
    assert not repeats.passes(record("source %s has stalled", 0, logger="daemon.x"), 1.0)


class Said:
    """An argument that is something else later."""

    word = "now"

    def __str__(self) -> str:
        return {"now": "as it was"}[self.word]


def test_what_is_held_is_said_as_it_was() -> None:
    """And nothing of it can fail then: the thread that writes the log would end."""
    repeats, about = Repeats(), Said()
    for _ in range(3):
        repeats.passes(record("no broker: %s", about), 0.0)
    about.word = "later"
    (said,) = repeats.due(MINUTE_S)
    assert said.getMessage() == f"no broker: as it was (the last of 2 in {MINUTE_S:.0f} s)"


def test_an_answer_to_somebody_is_no_repeat() -> None:
    repeats = Repeats()
    for _ in range(3):
        asked = record("nothing has changed", logger="daemon.swap")
        vars(asked).update(ANSWER)
        assert repeats.passes(asked, 0.0)


def test_windows_grow_while_it_goes_on_and_trouble_that_ended_is_forgotten() -> None:
    repeats, said_at = Repeats(), []
    for second in range(1800):
        repeats.passes(record("no broker"), float(second))
        said_at += [second for _ in repeats.due(float(second))]
    assert said_at == [61, 183, 427, 727, 1027, 1327, 1627]
    assert len(repeats.due(1800 + LONGEST_WINDOW_S)) == 1
    assert repeats.due(1800 + 3 * LONGEST_WINDOW_S) == []
    assert repeats.passes(record("no broker"), 5000.0)


LOGGERS = ["aiokafka", "aiokafka.conn", "asyncio", "daemon.kafka.source", "daemon.kafka.takeover", "daemon.service"]
STORM = st.lists(
    st.tuples(st.sampled_from(LOGGERS), st.integers(0, 7), st.integers(0, 12), st.just(0.0) | st.floats(0, 40)),
    max_size=150,
)
Storm = list[tuple[str, int, int, float]]


def counted(summary: logging.LogRecord) -> int:
    """How many messages a line that `due` gave stands for."""
    _, several, rest = summary.getMessage().partition("(the last of ")
    return int(rest.split()[0]) if several else 1


def lines_of(storm: Storm, repeats: Repeats) -> Iterator[tuple[float, logging.LogRecord, bool]]:
    """What is logged: when, what, and whether at once; to the end of all that was held."""
    now_s = 0.0
    for logger, kind, about, pause_s in storm:
        for _ in range(int(pause_s)):  # a look a second
            now_s += 1
            yield from ((now_s, summary, False) for summary in repeats.due(now_s))
        now_s += pause_s % 1
        said = record(f"trouble {kind} with %s", about, logger=logger)
        if repeats.passes(said, now_s):
            yield now_s, said, True
    for _ in range(1500):
        now_s += 1
        yield from ((now_s, summary, False) for summary in repeats.due(now_s))


@given(STORM)
def test_every_message_is_said_or_counted(storm: Storm) -> None:
    repeats, said, stood_for, summaries = Repeats(), 0, 0, 0
    for _, line, at_once in lines_of(storm, repeats):
        said += at_once
        stood_for += 0 if at_once else counted(line)
        summaries += not at_once
    assert said + stood_for == len(storm)
    assert repeats.left_out == stood_for - summaries


@given(STORM)
def test_in_no_minute_are_there_more_lines_about_brokers_than_there_may_be(storm: Storm) -> None:
    times = [now_s for now_s, line, _ in lines_of(storm, Repeats()) if line.name != "daemon.service"]
    for number, began_s in enumerate(times):
        assert sum(now_s <= began_s + 60 for now_s in times[number:]) <= LINES


@given(STORM)
def test_a_first_word_of_our_own_comes_at_once(storm: Storm) -> None:
    """Whatever else is said, of so many troubles as the ration keeps room for."""
    repeats, heard = Repeats(), set()
    own = [("daemon.kafka.source", 1), ("daemon.kafka.source", 2), ("daemon.kafka.takeover", 1), ("daemon.service", 1)]
    kept = [each for each in storm if not each[0].startswith("daemon") or each[:2] in own]
    for now_s, logger, kind, about in timed(kept):
        repeats.due(now_s)
        passed = repeats.passes(record(f"trouble {kind} with %s", about, logger=logger), now_s)
        assert passed or (logger, kind) in heard or not logger.startswith("daemon")
        heard.add((logger, kind))
    assert len(own) <= LINES - COMMON


def timed(storm: Storm) -> Iterator[tuple[float, str, int, int]]:
    """With the time of each, in place of the pause before it."""
    now_s = 0.0
    for logger, kind, about, pause_s in storm:
        now_s += pause_s
        yield now_s, logger, kind, about


def test_a_first_word_that_found_no_room_comes_as_soon_as_there_is() -> None:
    repeats = Repeats()
    texts = [f"trouble {number}" for number in range(LINES + 2)]
    passed = [repeats.passes(record(text, logger="daemon.kafka.source"), 0.0) for text in texts]
    assert passed == LINES * [True] + 2 * [False]
    assert repeats.due(MINUTE_S - 1) == []
    assert [line.getMessage() for line in repeats.due(MINUTE_S)] == texts[LINES:]


def test_at_the_end_only_what_was_never_said_needs_no_room() -> None:
    repeats = Repeats()
    for number in range(LINES + 1):
        repeats.passes(record(f"trouble {number}", logger="daemon.kafka.source"), 0.0)
    repeats.passes(record("no broker"), 1.0)
    repeats.passes(record("trouble 0", logger="daemon.kafka.source"), 1.0)
    assert [line.getMessage() for line in repeats.due(2.0, all_of_them=True)] == [f"trouble {LINES}"]


def test_debugging_and_what_is_not_about_brokers_is_not_rationed() -> None:
    repeats, debugging = Repeats(), Repeats(rationed=False)
    for number in range(5 * LINES):
        assert repeats.passes(record(f"trouble {number}", logger="daemon.service"), 0.0)
        assert debugging.passes(record(f"trouble {number}"), 0.0)


@contextlib.contextmanager
def logging_to(out: IO[bytes] | int, settings: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A daemon whose log goes there, and its address, which is not read from its log."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "run", "-c", str(settings)],
        stdout=subprocess.DEVNULL,
        stderr=out,
        env={**os.environ, "GENRED_HTTP__PORT": str(port)},
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(TIME_LIMIT_S)


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except urllib.error.URLError:
        return False


def windows(address: str) -> int:
    try:
        with urllib.request.urlopen(f"{address}/status", timeout=5) as response:
            return int(json.load(response)["windows"])
    except urllib.error.URLError:
        return 0


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Path:
    audio = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)
    more = ("model_watch_s = 0", "windows.window_s = 1.024", "windows.hop_s = 0.512")
    return settings_file(tmp_path, tiny_model, audio, *more)


def test_a_log_on_a_full_device_holds_nobody_up(settings: Path) -> None:
    with Path("/dev/full").open("wb") as full, logging_to(full, settings) as (process, address):
        wait_for(lambda: ready(address), "readiness")
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIME_LIMIT_S) == 0


def test_a_last_word_that_cannot_be_written_leaves_the_code_as_it_is(settings: Path) -> None:
    settings.write_text("colour = 1\n" + settings.read_text())
    with Path("/dev/full").open("wb") as full, logging_to(full, settings) as (process, _):
        assert process.wait(TIME_LIMIT_S) == 78


def test_a_log_that_nobody_reads_holds_nobody_up(settings: Path) -> None:
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        with logging_to(writer, settings) as (process, address):
            wait_for(lambda: ready(address), "readiness")
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIME_LIMIT_S) == 0
    finally:
        os.close(reader)
        os.close(writer)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system of its own may be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_disk_that_was_full_is_written_on_again(settings: Path, small_disk: Path) -> None:
    log, filling = small_disk / "genred.log", small_disk / "filling"
    with log.open("ab", buffering=0) as out, logging_to(out, settings) as (process, address):
        wait_for(lambda: ready(address), "readiness")
        for file in (filling.open("wb", buffering=0), out):
            with contextlib.suppress(OSError):
                while file.write(b"full" * 16 + b"\n"):
                    pass
        said = log.stat().st_size
        for _ in range(3):
            reloads = reload_count(address)
            process.send_signal(signal.SIGHUP)  # each says that nothing has changed
            wait_for(lambda reloads=reloads: reload_count(address) > reloads, "a reload")  # type: ignore[misc]
        seen = windows(address)
        wait_for(lambda: windows(address) > seen, "windows while the disk is full")
        assert log.stat().st_size < said + 65  # what was left of a block
        filling.unlink()
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIME_LIMIT_S) == 0
    lines = log.read_bytes()[said:].decode().splitlines()
    assert any("could not be written and are lost" in line for line in lines), lines
    assert any('"message": "stopped; ' in line for line in lines)


def reload_count(address: str) -> float:
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as response:
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in response.read().decode().splitlines()
            if line.startswith("genred_model_reloads_total")
        )

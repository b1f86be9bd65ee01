"""What producers do, through the whole service: no headers, files as chunks, new runs, ends, silence."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.kafka.content_type import raw_content_type
from tests.audio_files import encode, stepped_tones
from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import FORMAT, RATE_HZ, content, outcome
from tests.kafka_sending import Sent, send_all
from tests.kafka_topics import read
from tests.kafka_workers import SESSION_S, Topics, make_topics, workers
from tests.process import Daemon, running, wait_for

TYPE = raw_content_type(FORMAT)
NOW_MS = round(time.time() * 1000) - 600_000
PARTITIONS = 2


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic, PARTITIONS)


def seconds_of(stream: int, first_s: int, stop_s: int, *headers: str, position: bool = False) -> list[Sent]:
    """Records of a second each; `headers` are name=value."""
    audio = content(stream, stop_s)
    size = RATE_HZ * FORMAT.frame_bytes
    given = [(name, value.encode()) for name, _, value in (header.partition("=") for header in headers)]
    return [
        Sent(
            stream % PARTITIONS,
            b"s%d" % stream,
            audio[n * size : (n + 1) * size],
            [*given, *([("position", b"%d" % (n * RATE_HZ))] if position else [])],
            NOW_MS + n * 1000,
        )
        for n in range(first_s, stop_s)
    ]


def end(stream: int, value: bytes | None = b"") -> Sent:
    """The end of a stream."""
    return Sent(stream % PARTITIONS, b"s%d" % stream, value, [("end", b"1")] if value == b"" else [], NOW_MS)


def dropped(daemon: Daemon) -> dict[str, float]:
    """Seconds that were given up, by reason."""
    found: dict[str, float] = daemon.status()["seconds"]["dropped"]
    return found


def finals(topics: Topics) -> list[str]:
    """Identities of last words, in the order they were said for each stream."""
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    return [id_ for id_, tags in zip(found.tag_ids, found.tags, strict=True) if tags["final"]]


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_streams_without_headers_survive_a_kill(
    topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str
) -> None:
    source = f'default_content_type = "{TYPE}"\nidle_s = 3600'
    streams = range(4)
    first = [record for n in streams for record in seconds_of(n, 0, 15)]
    offsets = send_all(topics.bootstrap, topics.audio, first)
    begun = {n: offsets[15 * n] for n in streams}
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        for start in (15, 17, 21):
            daemon = pool.start(source)
            topics.until_caught_up()
            more = [record for n in streams for record in seconds_of(n, start, {15: 17, 17: 21, 21: 22}[start])]
            send_all(topics.bootstrap, topics.audio, more)
            pool.kill(daemon)
        pool.start(source)
        send_all(topics.bootstrap, topics.audio, [end(n) for n in streams])
        topics.until_caught_up()
        assert pool.balanced()
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    ids = {f"s{n}/" for n in streams}
    assert {id_.split("/")[0] + "/" for id_ in found.window_ids} == ids
    for n in streams:
        own = {id_ for id_ in found.window_ids if id_.startswith(f"s{n}/")}
        epochs = {id_.split("/")[1] for id_ in own}
        assert len(epochs) == 1
        assert epochs.pop().endswith(f"@{begun[n]}")
        assert {int(id_.split("/")[2]) for id_ in own} == set(range(10))
    by_id: dict[str, dict[str, float]] = {}
    for id_, window in zip(found.window_ids, found.windows, strict=True):
        assert by_id.setdefault(id_, window["scores"]) == window["scores"]
    if delivery == "exactly-once":
        assert found.repeated == 0


def test_files_as_chunks(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    kinds = {
        "wav": ("pcm_s16le", 16_000),
        "flac": ("flac", 16_000),
        "ogg": ("libopus", 48_000),
        "mpeg": ("libmp3lame", 44_100),
    }
    sent = []
    for place, (kind, (codec, rate_hz)) in enumerate(kinds.items()):
        container = "mp3" if kind == "mpeg" else kind
        file = encode(stepped_tones(11.0, rate_hz), codec, container, rate_hz, channels=1)
        headers = [("content-type", f"audio/{kind}".encode()), ("epoch", b"e"), ("end", b"1")]
        sent.append(Sent(place % PARTITIONS, kind.encode(), file, headers, NOW_MS))
    send_all(topics.bootstrap, topics.audio, sent)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        pool.start()
        topics.until_caught_up()
        assert pool.balanced()
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    assert sorted(found.window_ids) == sorted(f"{kind}/e/{n}" for kind in kinds for n in range(len(found.windows) // 4))
    assert len(found.windows) >= 4 * 4
    flac = {w["window"]: w["scores"] for w in found.windows if w["stream"] == "flac"}
    for window in found.windows:
        near = 1e-4 if window["stream"] == "wav" else 0.05
        assert window["scores"] == pytest.approx(flac[window["window"]], abs=near)


def test_new_runs_stale_ones_repeats_and_tombstones(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    e1, e2 = (f"epoch={name}" for name in ("e1", "e2"))
    typed = f"content-type={TYPE}"
    sent = [
        *seconds_of(0, 0, 7, typed, e1, position=True),
        *seconds_of(0, 5, 7, typed, e1, position=True),  # 2 s again
        *seconds_of(0, 0, 7, typed, e2, position=True),  # a new run
        *seconds_of(0, 7, 10, typed, e1, position=True),  # 3 s of the old one
        *seconds_of(0, 2, 3, typed, e2, position=True),  # 1 s again
    ]
    send_all(topics.bootstrap, topics.audio, sent)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start("idle_s = 3600")
        topics.until_caught_up()
        assert dropped(daemon)["duplicate"] == 3
        assert dropped(daemon)["stale_epoch"] == 3
        pool.kill(daemon)
        send_all(topics.bootstrap, topics.audio, seconds_of(0, 10, 12, typed, e1, position=True))
        send_all(topics.bootstrap, topics.audio, seconds_of(0, 7, 9, typed, e2, position=True))
        daemon = pool.start("idle_s = 3600")
        topics.until_caught_up()
        assert dropped(daemon)["stale_epoch"] == 2  # remembered over the kill
        send_all(topics.bootstrap, topics.audio, [end(0, None), end(1, None)])
        topics.until_caught_up()
        assert pool.balanced()
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    expected = {f"s0/e1/{n}" for n in range(2)} | {f"s0/e2/{n}" for n in range(3)}
    assert set(found.window_ids) == expected
    assert set(finals(topics)) == {"s0/e1/1/final", "s0/e2/2/final"}
    said = asyncio.run(read(topics.bootstrap, topics.tags, len(found.tags) + 2))
    behind = [record for record in said if record.key == b"s0"][-2:]
    assert json.loads(behind[0].value or b"")["final"] is True
    assert behind[1].value is None
    assert [record.value for record in said if record.key == b"s1"] == [None]  # a stream that nobody knew


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_idle_streams_are_closed_once(topics: Topics, tiny_model: Path, tmp_path: Path, delivery: str) -> None:
    source = "idle_s = 1"
    sent = [
        record for n in range(4) for record in seconds_of(n, 0, 7, f"content-type={TYPE}", "epoch=e", position=True)
    ]
    send_all(topics.bootstrap, topics.audio, sent)
    with workers(topics, tmp_path, tiny_model, delivery) as pool:
        daemon = pool.start(source)
        topics.until_caught_up()
        wait_for(lambda: not daemon.status()["streams"], "the end of idle streams")
        wait_for(lambda: len(finals(topics)) == 4, "their last words")
        topics.until_caught_up()
        pool.stop(daemon)
        before = outcome(topics.bootstrap, topics.windows, topics.tags)
        daemon = pool.start(source)
        pool.until_working(daemon)
        assert daemon.status()["streams"] == 0
        more = [
            record
            for n in range(4)
            for record in seconds_of(n, 7, 14, f"content-type={TYPE}", "epoch=e", position=True)
        ]
        send_all(topics.bootstrap, topics.audio, more)
        wait_for(lambda: len(finals(topics)) == 8, "the last words of what came later")
        topics.until_caught_up()
        assert pool.balanced()
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    assert found.repeated == 0
    assert len(found.tag_ids) == len(set(found.tag_ids))
    assert set(before.tag_ids) < set(found.tag_ids)


def test_a_static_member_comes_back_without_a_rebalance(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    def member(name: str) -> Path:
        path = topics.settings(tmp_path, tiny_model, "at-least-once", name, f'instance_id = "{name}"')
        path.write_text(path.read_text().replace(f"session_timeout_s = {SESSION_S}", "session_timeout_s = 30"))
        return path

    with ExitStack() as stack:
        stays = stack.enter_context(running(member("one")))
        wait_for(lambda: metric(stays, "owned_partitions") == 2, "all partitions")
        with running(member("two")) as goes:
            wait_for(
                lambda: (metric(goes, "owned_partitions"), metric(stays, "owned_partitions")) == (1, 1), "one each"
            )
        before = metric(stays, "rebalances_total")
        back = stack.enter_context(running(member("two")))
        wait_for(lambda: metric(back, "owned_partitions") == 1, "its partition")
        sent = [r for n in range(2) for r in seconds_of(n, 0, 7, f"content-type={TYPE}", "epoch=e", position=True)]
        send_all(topics.bootstrap, topics.audio, sent)
        topics.until_caught_up()
        assert metric(stays, "rebalances_total") == before
        assert (metric(stays, "owned_partitions"), metric(back, "owned_partitions")) == (1, 1)


def metric(daemon: Daemon, name: str) -> float:
    """A metric without labels."""
    lines = daemon.get("/metrics")[1].splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"genred_{name} "))

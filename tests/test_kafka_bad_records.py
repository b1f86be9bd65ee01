"""Records that cannot be used: each is put aside with its reason, and its partition goes on."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.errors import RecordFault
from daemon.kafka.dead_letter import MAX_BYTES
from tests.kafka_fixtures import MakeTopic
from tests.kafka_fuzz import FORMAT, TYPE, Fuzzer, verdicts
from tests.kafka_oracle import outcome
from tests.kafka_sending import Sent, send_all
from tests.kafka_topics import Record, read
from tests.kafka_workers import Topics, make_topics, workers
from tests.test_kafka_input import REFUSED

PARTITIONS = 2
FUZZED = int(os.environ.get("GENRED_TEST_FUZZED", "20000"))
NOW_MS = round(time.time() * 1000)


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic, PARTITIONS)


def good(partition: int, seconds: int, first_s: int = 0) -> list[Sent]:
    """Seconds of the partition's own stream, a record each."""
    audio = bytes(range(256)) * (FORMAT.sample_rate_hz * FORMAT.frame_bytes // 256 + 1)
    value = audio[: FORMAT.sample_rate_hz * FORMAT.frame_bytes]
    return [
        Sent(
            partition,
            b"good-%d" % partition,
            value,
            [("content-type", TYPE), ("epoch", b"e"), ("position", b"%d" % (n * FORMAT.sample_rate_hz))],
            NOW_MS + n * 1000,
        )
        for n in range(first_s, first_s + seconds)
    ]


def letters(topics: Topics, count: int) -> list[Record]:
    """The dead letters; fails unless there are `count` of them."""
    return asyncio.run(read(topics.bootstrap, topics.dead, count))


def refusals(metrics: str) -> Counter[str]:
    """`genred_dead_letters_total` by reason; those that did not occur are left out."""
    counts: Counter[str] = Counter()
    for line in metrics.splitlines():
        if line.startswith("genred_dead_letters_total{"):
            counts[line.split('"')[1]] += round(float(line.split()[-1]))
    return +counts


def test_every_refusal_becomes_a_dead_letter(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    bad = [(reason, record) for reason, record in REFUSED if len(record.value or b"") < 2**19]
    long = [("content-type", b"audio/x-raw;format=U8;rate=8000;channels=1")]
    sent = good(0, 3) + good(1, 3)
    sent += [Sent(0, record.key, record.value, list(record.headers), NOW_MS) for _, record in bad]
    sent += [Sent(0, b"long", bytes(8000 * 61), long, NOW_MS), *good(0, 5, 3), *good(1, 5, 3)]
    reasons = [reason for reason, _ in bad] + [RecordFault.TOO_LONG]
    assert set(reasons) == set(RecordFault)
    offsets = send_all(topics.bootstrap, topics.audio, sent)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start()
        topics.until_caught_up()
        assert refusals(daemon.get("/metrics")[1]) == Counter(reason.value for reason in reasons)
        assert pool.balanced()
    for letter, reason, offset, record in zip(
        letters(topics, len(reasons)), reasons, offsets[6:], sent[6:], strict=False
    ):
        headers = dict(letter.headers)
        assert headers["genred-reason"].decode() == reason.value
        assert headers["genred-offset"] == b"%d" % offset
        assert (headers["genred-topic"].decode(), headers["genred-partition"]) == (topics.audio, b"0")
        assert headers["genred-timestamp"] == b"%d" % NOW_MS
        assert headers["genred-error"]
        nothing = record.key is None and record.value is None
        assert (letter.key, letter.value) == (record.key, b"" if nothing else record.value)
        assert letter.headers[: len(record.headers)] == tuple((name, value or b"") for name, value in record.headers)
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    assert {f"good-{p}/e/{n}" for p in range(PARTITIONS) for n in range(2)} <= set(found.window_ids)


def test_a_header_whose_name_cannot_be_read(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    bad = Sent(1, b"good-1", b"xx", [("content-type", TYPE)], NOW_MS, unreadable=True)
    sent = [*good(0, 4), *good(1, 4), bad, *good(0, 4, 4), bad, bad, *good(1, 4, 4), bad]
    offsets = send_all(topics.bootstrap, topics.audio, sent)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start()
        topics.until_caught_up()
        assert refusals(daemon.get("/metrics")[1]) == {"header": 4}
        assert daemon.status()["seconds"]["received"] == 16
        pool.stop(daemon)
    found = letters(topics, 4)
    refused = [offset for offset, record in zip(offsets, sent, strict=True) if record.unreadable]
    assert [int(dict(letter.headers)["genred-offset"]) for letter in found] == refused
    out = outcome(topics.bootstrap, topics.windows, topics.tags)
    assert sorted(out.window_ids) == [f"good-{p}/e/{n}" for p in range(2) for n in range(len(out.window_ids) // 2)]


def test_refused_records_that_are_too_large_to_be_repeated(
    kafka: str, make_topic: MakeTopic, tiny_model: Path, tmp_path: Path
) -> None:
    topics = make_topics(kafka, make_topic, 1)
    topics = replace(
        topics, audio=make_topic("audio", 1, {"max.message.bytes": "5000000", "segment.bytes": "50000000"})
    )
    wav = [("content-type", b"audio/wav")]
    sent = [
        Sent(0, b"value", bytes(2_000_000), wav, NOW_MS),
        Sent(0, b"headers", b"no audio", [*wav, ("x", bytes(1_100_000))], NOW_MS),
        Sent(0, b"k" * 1_100_000, b"no audio", wav, NOW_MS),
        *good(0, 5),
    ]
    send_all(kafka, topics.audio, sent, max_request_size=5_000_000)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        pool.start()
        topics.until_caught_up()
        assert pool.balanced()
    large_value, large_headers, large_key = letters(topics, 3)
    assert (large_value.key, large_value.value) == (b"value", None)
    assert dict(large_value.headers)["genred-value-bytes"] == b"2000000"
    assert (large_headers.key, large_headers.value) == (b"headers", None)
    assert dict(large_headers.headers)["genred-headers-bytes"] == b"1100022"
    assert large_key.key is None
    assert dict(large_key.headers)["genred-key-bytes"] == b"1100000"
    assert MAX_BYTES < 1_048_588


def test_fuzzed_records(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    fuzzer = Fuzzer(20261121, PARTITIONS)
    sent = [fuzzer.record() for _ in range(FUZZED)]
    refused, seconds = verdicts(sent)
    assert 0.1 * FUZZED < len(refused) < 0.5 * FUZZED
    offsets = send_all(topics.bootstrap, topics.audio, sent, max_batch_size=200_000)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start("idle_s = 3600")
        topics.until_caught_up()
        assert refusals(daemon.get("/metrics")[1]) == Counter(refused.values())
        status = daemon.status()["seconds"]
        assert status["received"] == pytest.approx(seconds, abs=0.01)
        assert abs(status["unaccounted"]) < 0.01
        pool.stop(daemon)
    expected = {(sent[place].partition, offsets[place], reason) for place, reason in refused.items()}
    found = [dict(letter.headers) for letter in letters(topics, len(refused))]
    assert {
        (int(h["genred-partition"]), int(h["genred-offset"]), h["genred-reason"].decode()) for h in found
    } == expected

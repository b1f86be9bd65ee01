"""`genred feed` into a real topic: what arrives is the audio, whole, in order, with its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.input_record import AudioRecord, EndRecord, InputRecord, InputRules, parse_record
from tests.kafka_broker import Broker
from tests.kafka_commands import Running, end_offsets, settings_file, started
from tests.kafka_fixtures import MakeTopic
from tests.kafka_topics import Record, create_topic, read
from tests.process import genred, wait_for
from tests.signals import tones, write_wav

RATE_HZ = 8000
S16 = AudioFormat(SampleFormat.S16LE, RATE_HZ, 2)


def wav(path: Path, seconds: float, every_s: float = 6.0) -> bytes:
    """A WAV file of 16-bit stereo; its PCM."""
    samples = tones(seconds, RATE_HZ, every_s, channels=2)
    write_wav(path, samples, RATE_HZ)
    return samples.tobytes()


def heard(bootstrap: str, topic: str) -> list[Record]:
    """Everything in the topic."""
    return asyncio.run(read(bootstrap, topic, sum(asyncio.run(end_offsets(bootstrap, topic)).values())))


def parsed(record: Record) -> AudioRecord | EndRecord:
    """The record as genred reads it: BadRecord when it is none."""
    assert record.timestamp_type == 0  # the producer's
    fields = (record.topic, record.partition, record.offset, record.timestamp, record.key, record.value)
    return parse_record(InputRecord(*fields, record.headers), InputRules())


def streams(records: list[Record]) -> dict[str, list[AudioRecord]]:
    """Each stream's chunks; checks their order, that they follow one another, their partition, and the end."""
    chunks: dict[str, list[AudioRecord]] = defaultdict(list)
    ended: dict[str, str | None] = {}
    partitions: dict[str, set[int]] = defaultdict(set)
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        what = parsed(record)
        assert what.stream not in ended
        partitions[what.stream].add(record.partition)
        if isinstance(what, EndRecord):
            ended[what.stream] = what.epoch
        else:
            chunks[what.stream].append(what)
    for stream, run in chunks.items():
        assert {chunk.epoch for chunk in run} == {ended.pop(stream)}
        assert len(partitions[stream]) == 1
        assert run[0].position == 0
        for before, after in pairwise(run):
            assert after.position == (before.position or 0) + len(before.audio) // before.format.frame_bytes
    assert not ended
    return chunks


def joined(run: list[AudioRecord]) -> bytes:
    """The audio of a run."""
    return b"".join(chunk.audio for chunk in run)


def test_what_arrives_is_the_file(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic, pcm = make_topic(partitions=3), wav(tmp_path / "a.wav", 3.3)
    before_s = time.time()
    done = genred("feed", str(tmp_path / "a.wav"), "--topic", topic, "--bootstrap", kafka)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")  # quiet without a terminal
    (stream,) = streams(heard(kafka, topic)).items()
    assert stream[0] == "a.wav"
    assert joined(stream[1]) == pcm
    assert [len(chunk.audio) for chunk in stream[1]] == [16_000] * 6 + [9_600]
    assert {chunk.format for chunk in stream[1]} == {S16}
    assert all(before_s - 10 < chunk.captured_at_s <= time.time() for chunk in stream[1])


@pytest.mark.parametrize("encoding", ["flac", "wav"])
def test_files_in_records(kafka: str, tmp_path: Path, make_topic: MakeTopic, encoding: str) -> None:
    topic, pcm = make_topic(), wav(tmp_path / "a.wav", 2.6)
    options = ("--encode", encoding, "--chunk-ms", "700")
    assert genred("feed", str(tmp_path / "a.wav"), "--topic", topic, "--bootstrap", kafka, *options).returncode == 0
    records = heard(kafka, topic)
    assert dict(records[0].headers)["content-type"] == f"audio/{encoding}".encode()
    assert joined(streams(records)["a.wav"]) == pcm


def test_two_inputs_as_many_streams(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=4)
    (tmp_path / "music").mkdir()
    audio = {"b.wav": wav(tmp_path / "music" / "b.wav", 1.2, 0.3), "a.wav": wav(tmp_path / "a.wav", 2.0)}
    inputs = (str(tmp_path / "a.wav"), str(tmp_path / "music"))
    done = genred("feed", *inputs, "--topic", topic, "--bootstrap", kafka, "--streams", "3", "--epoch", "first run")
    assert done.returncode == 0, done.stderr
    found = streams(heard(kafka, topic))
    assert sorted(found) == sorted(f"{name}-{number:03d}" for name in found_names(found) for number in (1, 2, 3))
    for name, run in found.items():
        assert joined(run) == audio[name.split("/")[-1].rsplit("-", 1)[0]]
        assert {chunk.epoch for chunk in run} == {"first run"}


def found_names(found: dict[str, list[AudioRecord]]) -> set[str]:
    """The streams' names without the numbers of their copies: two."""
    names = {name.rsplit("-", 1)[0] for name in found}
    assert len(names) == 2
    return names


def test_standard_input(kafka: str, make_topic: MakeTopic) -> None:
    topic, pcm = make_topic(), tones(1.0, RATE_HZ, channels=2).tobytes()
    done = genred("feed", "-", "--pcm", f"s16le:{RATE_HZ}:2", "--topic", topic, "--bootstrap", kafka, stdin=pcm)
    assert done.returncode == 0, done.stderr
    assert joined(streams(heard(kafka, topic))["stdin"]) == pcm


def test_in_real_time(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic, pcm = make_topic(), wav(tmp_path / "a.wav", 1.5)
    began_s = time.monotonic()
    done = genred("feed", str(tmp_path / "a.wav"), "--topic", topic, "--bootstrap", kafka, "--realtime")
    assert done.returncode == 0
    assert time.monotonic() - began_s >= 1.5
    run = streams(heard(kafka, topic))["a.wav"]
    assert joined(run) == pcm
    assert [round(chunk.captured_at_s - run[0].captured_at_s, 1) for chunk in run] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("pace", [["--realtime"], []])
def test_a_signal_ends_the_streams(
    kafka: str, tmp_path: Path, make_topic: MakeTopic, number: signal.Signals, pace: list[str]
) -> None:
    topic, pcm = make_topic(partitions=2), wav(tmp_path / "a.wav", 1.0)
    command = ["feed", str(tmp_path / "a.wav"), "--topic", topic, "--bootstrap", kafka, "--loop", "--chunk-ms", "100"]
    with started(tmp_path, *command, "--streams", "2", *pace) as feed:
        wait_for(lambda: _records(kafka, topic, feed) > 30, "records of the second round")
        assert feed.stop(number) == 0
        assert feed.out + feed.err == ""
    found = streams(heard(kafka, topic))
    assert sorted(found) == ["a.wav-001", "a.wav-002"]
    first, second = (joined(run) for run in found.values())
    assert first == second  # every copy has all of it
    assert len(first) > len(pcm)
    assert (pcm * (len(first) // len(pcm) + 1)).startswith(first)


def test_a_broker_that_hangs_holds_nobody_up(broker: Broker, tmp_path: Path) -> None:
    asyncio.run(create_topic(broker.bootstrap, "audio"))
    wav(tmp_path / "a.wav", 1.0)
    kafka = {"bootstrap_servers": [broker.bootstrap]}
    settings = str(settings_file(tmp_path, kafka, drain_timeout_s=1.0))
    with started(tmp_path, "feed", str(tmp_path / "a.wav"), "--topic", "audio", "-c", settings, "--loop") as feed:
        wait_for(lambda: _records(broker.bootstrap, "audio", feed) > 3, "records")
        broker.pause()
        assert feed.stop() == 75
    assert feed.err.splitlines()[-1].startswith("genred: the brokers did not take the last records in time")


def _records(kafka: str, topic: str, feed: Running) -> int:
    assert feed.process.poll() is None, feed.err
    return sum(asyncio.run(end_offsets(kafka, topic)).values())


def test_an_input_that_fails_leaves_the_others_alone(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    topic, pcm = make_topic(), wav(tmp_path / "a.wav", 1.0)
    (tmp_path / "text.wav").write_text("no audio")
    done = genred("feed", str(tmp_path / "text.wav"), str(tmp_path / "a.wav"), "--topic", topic, "--bootstrap", kafka)
    assert done.returncode == 64
    assert "text.wav" in done.stderr
    assert joined(streams(heard(kafka, topic))["a.wav"]) == pcm


def test_what_cannot_be_fed(kafka: str, tmp_path: Path, make_topic: MakeTopic) -> None:
    wav(tmp_path / "a.wav", 1.0)
    small = make_topic(config={"max.message.bytes": "10000"})
    for arguments, code, says in (
        (["--topic", "not.there", "--bootstrap", kafka], 78, "genred topics create"),
        (["--topic", small, "--bootstrap", kafka], 64, "--chunk-ms"),
        ([], 78, "kafka.bootstrap_servers"),
        (["--chunk-ms", "1", "--bootstrap", kafka], 64, ""),
        (["--encode", "mp3", "--bootstrap", kafka], 64, ""),
    ):
        done = genred("feed", str(tmp_path / "a.wav"), *arguments)
        assert done.returncode == code, done.stderr
        assert says in done.stderr
    assert "no such file" in genred("feed", "/nowhere", "--bootstrap", kafka).stderr

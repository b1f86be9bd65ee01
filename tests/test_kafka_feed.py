"""`genred feed` into a real topic: what arrives is the audio, whole, in order, with its end."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.chopper import Chopper
from daemon.kafka.content_type import Container, parse_content_type
from daemon.kafka.feed import copies_of, stream_key
from daemon.kafka.input_record import AudioRecord, EndRecord, InputRecord, InputRules, parse_record
from daemon.kafka.packing import pack
from daemon.kafka.payload import decode_container
from daemon.messages import AudioChunk
from tests.kafka_commands import Running, end_offsets, started
from tests.kafka_fixtures import MakeTopic
from tests.kafka_topics import Record, read
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


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 50), st.sets(st.integers(1, 28), max_size=3)
)
def test_any_chunking_is_chopped_alike(lengths: list[int], size: int, holes: set[int]) -> None:
    """Nothing is lost or moved; only a chunk before a hole, or the last, is shorter."""
    chopper, position = Chopper(size / RATE_HZ), 0
    pushed: list[int] = []
    found: list[AudioChunk] = []
    ends: set[int] = set()
    for number, frames in enumerate(lengths):
        if number in holes:
            ends.add(position)
            position += 7
        audio = np.arange(position, position + frames, dtype="<i4").tobytes()
        pushed += range(position, position + frames)
        found += chopper.push(AudioChunk("s", "e", position, S16, audio, position / RATE_HZ))
        position += frames
    found += chopper.flush()
    ends.add(position)
    frames_found = [int(frame) for chunk in found for frame in np.frombuffer(chunk.audio, "<i4")]
    assert frames_found == pushed
    for chunk in found:
        assert np.frombuffer(chunk.audio, "<i4")[0] == chunk.position
        assert chunk.captured_at_s == pytest.approx(chunk.position / RATE_HZ)
        assert chunk.frames == size or (chunk.position + chunk.frames in ends and chunk.frames < size)


@pytest.mark.parametrize("encoding", ["raw", "wav", "flac"])
@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("sample_format", list(SampleFormat))
def test_packed_audio_is_the_same_audio(sample_format: SampleFormat, channels: int, encoding: str) -> None:
    audio_format = AudioFormat(sample_format, 44_100, channels)
    shape = (5000, channels)
    whole = np.random.default_rng(7).integers(-(2**23), 2**23, shape, dtype="<i4")  # 24 bits
    float_audio = (whole / 2**23).astype("<f4").tobytes()
    audio = {
        SampleFormat.U8: ((whole >> 16) + 128).astype("u1").tobytes(),
        SampleFormat.S16LE: (whole >> 8).astype("<i2").tobytes(),
        SampleFormat.S24LE: whole.view("u1").reshape(-1, 4)[:, :3].tobytes(),
        SampleFormat.S32LE: (whole << 8).astype("<i4").tobytes(),
        SampleFormat.F32LE: float_audio,
    }[sample_format]
    value, content_type = pack(audio, audio_format, encoding)
    kind = parse_content_type(content_type)
    if encoding == "raw":
        assert (value, kind) == (audio, audio_format)
        return
    assert isinstance(kind, Container)
    found, decoded = decode_container(value, kind, "test", 60.0)
    assert (found.sample_rate_hz, found.channels) == (44_100, channels)
    assert _as_24_bits(decoded, found.sample_format) == pytest.approx(_as_24_bits(audio, sample_format))


def _as_24_bits(audio: bytes, sample_format: SampleFormat) -> list[int]:
    match sample_format:
        case SampleFormat.U8:
            return [(int(value) - 128) << 16 for value in np.frombuffer(audio, "u1")]
        case SampleFormat.S16LE:
            return [int(value) << 8 for value in np.frombuffer(audio, "<i2")]
        case SampleFormat.S24LE:
            return [int.from_bytes(audio[at : at + 3], "little", signed=True) for at in range(0, len(audio), 3)]
        case SampleFormat.S32LE:
            return [int(value) >> 8 for value in np.frombuffer(audio, "<i4")]
        case SampleFormat.F32LE:
            return [round(float(value) * 2**23) for value in np.frombuffer(audio, "<f4")]


def test_names_become_keys() -> None:
    assert copies_of("a", 1) == ["a"]
    assert copies_of("a", 2) == ["a-001", "a-002"]
    assert copies_of("a", 1000)[-1] == "a-1000"
    assert stream_key("bé\x1b[31m\udcff") == "bé�[31m�".encode()
    long = stream_key("é" * 400 + "-001")
    assert len(long) <= 512
    assert long.endswith("é-001".encode())
    long.decode()

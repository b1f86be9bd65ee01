"""The bytes that scaling is reckoned from are those of real records."""

from __future__ import annotations

import asyncio
import json

import onnxruntime as ort
import pytest
from aiokafka import AIOKafkaProducer

from daemon.bench.scale_assign import measure
from daemon.bench.scale_measured import FORMATS as FIGURES
from daemon.bench.scale_measured import Measured, StreamFormat
from daemon.bench.scale_records import FORMATS, batch_bytes, bookmark_bytes, chunk, results
from daemon.kafka.input_record import AudioRecord, InputRecord, InputRules, parse_record
from daemon.kafka.output_record import OutputRecord
from daemon.messages import ModelId
from models.card import Card, card_from_metadata
from models.catalogue import resolve_model
from tests.kafka_fixtures import MakeTopic
from tests.kafka_java import kafka_tool

MODEL = ModelId("musicnn-msd", "1", "0" * 64)


@pytest.fixture(scope="module")
def card() -> Card:
    """The default model's."""
    session = ort.InferenceSession(str(resolve_model("musicnn-msd")), providers=["CPUExecutionProvider"])
    return card_from_metadata(session.get_modelmeta().custom_metadata_map)


def test_results_have_the_bytes_that_are_reckoned_with(card: Card) -> None:
    windows, tags = results(card, MODEL, 40)
    measured = Measured()
    assert batch_bytes(windows[:1]) == pytest.approx(measured.window_record_bytes, rel=0.03)
    assert batch_bytes(tags[:1]) == pytest.approx(measured.tags_record_bytes, rel=0.03)
    assert batch_bytes(windows[:4], "zstd") / 4 == pytest.approx(measured.window_record_zstd_bytes, rel=0.1)
    assert batch_bytes(tags[:4], "zstd") / 4 == pytest.approx(measured.tags_record_zstd_bytes, rel=0.1)


@pytest.mark.parametrize("audio", FIGURES, ids=lambda audio: audio.name)
def test_audio_has_the_bytes_that_are_reckoned_with(audio: StreamFormat) -> None:
    pcm, encoding, _ = FORMATS[audio.name]
    record = chunk(pcm, encoding, audio.chunk_s)
    assert batch_bytes([record]) / audio.chunk_s == pytest.approx(audio.wire_bytes_per_s, rel=0.05)
    raw = InputRecord(record.topic, 0, 0, 0, record.key, record.value, [*record.headers])
    parsed = parse_record(raw, InputRules())
    assert isinstance(parsed, AudioRecord)
    heard_s = parsed.format.seconds(len(parsed.audio) // parsed.format.frame_bytes)
    assert heard_s == pytest.approx(audio.chunk_s, rel=0.06)  # codecs that lose add some milliseconds
    assert parsed.format.frame_bytes * parsed.format.sample_rate_hz in (
        audio.pcm_bytes_per_s,
        2 * audio.pcm_bytes_per_s,
    )


def test_a_commit_is_small() -> None:
    assert bookmark_bytes() < 100


def test_a_group_weighs_what_is_reckoned_with() -> None:
    took_s, member_bytes = measure(60, 4)
    assert took_s < 5
    more_bytes = measure(60, 8)[1] - member_bytes
    assert more_bytes / 4 == pytest.approx(Measured().group_bytes_per_partition, rel=0.1)
    assert member_bytes < Measured().group_bytes_per_member


def test_a_broker_keeps_as_many_bytes(kafka: str, make_topic: MakeTopic, card: Card) -> None:
    windows, _ = results(card, MODEL, 20)
    topic = make_topic("sizes")
    asyncio.run(_send(kafka, topic, windows))
    told = kafka_tool(
        "org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", kafka, "--describe", "--topic-list", topic
    )
    found = json.loads(next(line for line in told.splitlines() if line.startswith("{")))
    sizes = [one["size"] for folder in found["brokers"][0]["logDirs"] for one in folder["partitions"]]
    assert sum(sizes) == sum(batch_bytes([record]) for record in windows)


async def _send(bootstrap: str, topic: str, records: list[OutputRecord]) -> None:
    """Each in a batch of its own."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for record in records:
            await producer.send_and_wait(topic, record.value, record.key, partition=0, headers=record.headers)

"""What `genred bench kafka` sends: many streams of something like music, and how it reads when results came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.music import music_pcm
from daemon.errors import GenredError
from daemon.kafka.content_type import raw_content_type

EPOCH = b"bench"


@dataclass(frozen=True, slots=True)
class Case:
    """Streams of one kind."""

    name: str
    streams: int
    partitions: int
    format: AudioFormat
    chunk_s: float


CASES = (
    Case("200 streams, 16 kHz mono, 0.1 s", 200, 8, AudioFormat(SampleFormat.S16LE, 16_000, 1), 0.1),
    Case("200 streams, 44.1 kHz stereo, 0.5 s", 200, 8, AudioFormat(SampleFormat.S16LE, 44_100, 2), 0.5),
)


def case_named(name: str) -> Case:
    """The case of that name."""
    return next(case for case in CASES if case.name == name)


def music(case: Case) -> bytes:
    """PCM of some seconds."""
    return music_pcm(case.format)


async def make_topics(bootstrap: str, name: str, partitions: int, *suffixes: str) -> None:
    """The topics of a run; `suffixes` alone when given."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name + suffix, partitions, 1) for suffix in suffixes or ("-audio", "-tags", "-dead")]
        )
    finally:
        await admin.close()


async def send(bootstrap: str, topic: str, case: Case, seconds: float) -> None:
    """Every chunk of every stream, by time, then by stream, as many producers would send them."""
    audio = music(case)
    size = round(case.chunk_s * case.format.sample_rate_hz) * case.format.frame_bytes
    content_type = raw_content_type(case.format).encode()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=1 << 18)
    await producer.start()
    try:
        began_ms = round(time.time() * 1000) - round(seconds * 1000)
        for chunk in range(round(seconds / case.chunk_s)):
            position = b"%d" % (chunk * size // case.format.frame_bytes)
            headers = [("content-type", content_type), ("position", position), ("epoch", EPOCH)]
            for stream in range(case.streams):
                start = (chunk + 7 * stream) * size % (len(audio) - size)
                start -= start % case.format.frame_bytes
                await producer.send(
                    topic,
                    audio[start : start + size],
                    b"stream-%d" % stream,
                    stream % case.partitions,
                    began_ms + round(chunk * case.chunk_s * 1000),
                    headers,
                )
        for stream in range(case.streams):
            end = [("epoch", EPOCH), ("end", b"true")]
            await producer.send(topic, b"", b"stream-%d" % stream, stream % case.partitions, None, end)
        await producer.flush()
    finally:
        await producer.stop()


async def window_times_s(
    bootstrap: str, topic: str, count: int, limit_s: float, died: Callable[[], int | None]
) -> list[float]:
    """When each of `count` windows was written, by the records' own time; in order."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    times_s: list[float] = []
    try:
        async with asyncio.timeout(limit_s):
            while len(times_s) < count:
                # Rarely: whoever reads along shares the machine with the one who is measured.
                await asyncio.sleep(1.0)
                if died() is not None:
                    raise GenredError("bench: the worker ended")
                for records in (await consumer.getmany(timeout_ms=100, max_records=10_000)).values():
                    times_s += [record.timestamp / 1000 for record in records]
    except TimeoutError:
        raise GenredError(f"bench: {len(times_s)} of {count} windows within {limit_s:g} s") from None
    finally:
        await consumer.stop()
    return sorted(times_s)

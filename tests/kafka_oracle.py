"""Audio whose content says which stream and where, its way through Kafka, and what must come out in the end.

The oracle is the daemon's own pipeline over the same audio, uninterrupted and without Kafka.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.content_type import raw_content_type
from daemon.messages import AudioChunk, StreamEnd
from tests.kafka_compare import Comparison, compare_tags, compare_windows
from tests.kafka_reading import read_all
from tests.kafka_topics import FEEDING
from tests.parts import ListSource, make_parts, run_through

RATE_HZ = 16_000
FORMAT = AudioFormat(SampleFormat.S16LE, RATE_HZ, 1)
EPOCH = "2026-11-21T18:00:00Z"
BANDS_HZ = (220.0, 1200.0, 5000.0)
BEGAN_S = round(time.time()) - 1800  # older records would fall to the topic's retention
READ_S, STOP_S = 60.0, 10.0


def content(stream: int, seconds: float) -> bytes:
    """PCM that no other stream or second has: three tones whose levels depend on both."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    rng = np.random.default_rng(stream)
    levels = rng.uniform(0.0, 0.3, (int(seconds) + 1, len(BANDS_HZ)))[time_s.astype(int)]
    tones = np.sin(2 * np.pi * np.outer(time_s, np.array(BANDS_HZ) * (1 + 0.01 * stream)))
    mixed: npt.NDArray[np.int16] = ((levels * tones).sum(axis=1) * 32767).astype("<i2")
    return mixed.tobytes()


@dataclass(frozen=True)
class Broadcast:
    """Streams and their chunks."""

    streams: int
    seconds: float
    chunk_s: float = 0.5

    def chunks(self) -> list[AudioChunk]:
        """Every chunk of every stream, as they would be captured: by time, then by stream."""
        size = round(self.chunk_s * RATE_HZ) * FORMAT.frame_bytes
        chunks = []
        for stream in range(self.streams):
            audio = content(stream, self.seconds)
            for start in range(0, len(audio), size):
                position = start // FORMAT.frame_bytes
                captured_s = BEGAN_S + position / RATE_HZ
                chunks.append(
                    AudioChunk(f"s{stream:03}", EPOCH, position, FORMAT, audio[start : start + size], captured_s)
                )
        return sorted(chunks, key=lambda chunk: (chunk.position, chunk.stream))

    def truth(self, model: Path | Sequence[Path]) -> Truth:
        """What an uninterrupted run says."""
        parts = make_parts(model)
        by_stream: dict[str, list[AudioChunk | StreamEnd]] = {}
        for chunk in self.chunks():
            by_stream.setdefault(chunk.stream, []).append(chunk)
        sources = [ListSource(stream, [*chunks, StreamEnd(stream, EPOCH)]) for stream, chunks in by_stream.items()]
        results = asyncio.run(run_through(parts, sources))
        return Truth(
            {window.id: window.as_json() for window in results.windows},
            {tags.id: tags.as_json() for tags in results.tags},
        )


@dataclass(frozen=True)
class Truth:
    """Results by id."""

    windows: dict[str, dict[str, Any]]
    tags: dict[str, dict[str, Any]]


@dataclass
class Outcome:
    """What stands in the topics."""

    windows: list[dict[str, Any]] = field(default_factory=list)
    window_ids: list[str] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    tag_ids: list[str] = field(default_factory=list)

    @property
    def repeated(self) -> int:
        """Windows that stand there more than once."""
        return len(self.window_ids) - len(set(self.window_ids))

    def compared(self, truth: Truth) -> tuple[Comparison, Comparison]:
        """The windows and the tags beside the truth."""
        return (
            compare_windows(self.window_ids, self.windows, truth.windows),
            compare_tags(self.tag_ids, self.tags, truth.tags),
        )

    def check(self, truth: Truth, exactly_once: bool = False) -> None:
        """Nothing missing, nothing else, the same numbers; what is repeated is the same. Each id once, if so asked."""
        windows, tags = self.compared(truth)
        faults = [*windows.faults(exactly_once), *tags.faults(exactly_once)]
        assert not faults, "\n".join(faults)


class Feeding:
    """Sends a broadcast in the background, at `speed` times real time, each stream to the partition of its number.

    Waited for with `join`, or stopped with the `with` block: else it goes on, also when its Kafka is long gone.
    """

    def __init__(self, bootstrap: str, topic: str, broadcast: Broadcast, partitions: int, speed: float) -> None:
        self._bootstrap, self._topic, self._broadcast = bootstrap, topic, broadcast
        self._partitions, self._speed = partitions, speed
        self._error: BaseException | None = None
        self._sending: Future[asyncio.Task[None]] = Future()
        self._thread = threading.Thread(target=self._run, name=FEEDING, daemon=True)
        self._thread.start()

    @property
    def under_way(self) -> bool:
        """Whether there is more to send."""
        return self._thread.is_alive()

    def hurry(self) -> None:
        """Send the rest as fast as it goes."""
        self._speed = float("inf")

    def join(self, limit_s: float) -> None:
        """Wait until all is sent and acknowledged."""
        self._thread.join(limit_s)
        if self._thread.is_alive():
            self.stop()
            raise AssertionError("the feeding did not end in time")
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Send no more; what was sent is not waited for. No fault of the feeding is told."""
        task = self._sending.result(READ_S)
        with contextlib.suppress(RuntimeError):  # it has ended, and its loop is closed
            task.get_loop().call_soon_threadsafe(task.cancel)
        self._thread.join(READ_S)
        assert not self._thread.is_alive(), "the feeding did not stop"

    def __enter__(self) -> Feeding:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:
            self._error = error

    async def _send(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sending.set_result(task)
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, linger_ms=2)
        await producer.start()
        try:
            began_s = time.monotonic()
            sent = []
            for chunk in self._broadcast.chunks():
                due_s = began_s + chunk.position / RATE_HZ / self._speed - time.monotonic()
                if due_s > 0:
                    await asyncio.sleep(due_s)
                sent.append(await self._chunk(producer, chunk))
            for stream in range(self._broadcast.streams):
                name = f"s{stream:03}"
                headers = [("epoch", EPOCH.encode()), ("end", b"true")]
                place = stream % self._partitions
                sent.append(await producer.send(self._topic, b"", name.encode(), place, None, headers))
            await asyncio.gather(*sent)
        finally:
            async with asyncio.timeout(STOP_S):  # it would wait for a Kafka that is gone
                await producer.stop()

    async def _chunk(self, producer: AIOKafkaProducer, chunk: AudioChunk) -> asyncio.Future[Any]:
        headers = [
            ("content-type", raw_content_type(FORMAT).encode()),
            ("position", str(chunk.position).encode()),
            ("epoch", chunk.epoch.encode()),
        ]
        place = int(chunk.stream[1:]) % self._partitions
        at_ms = round(chunk.captured_at_s * 1000)
        key = chunk.stream.encode()
        sent: asyncio.Future[Any] = await producer.send(self._topic, chunk.audio, key, place, at_ms, headers)
        return sent


def outcome(bootstrap: str, windows: str, tags: str, committed_only: bool = False) -> Outcome:
    """All that stands in the result topics now."""
    found = Outcome()
    read_all(bootstrap, windows, committed_only, _into(found.window_ids, found.windows), READ_S)
    read_all(bootstrap, tags, committed_only, _into(found.tag_ids, found.tags), READ_S)
    return found


def _into(ids: list[str], values: list[dict[str, Any]]) -> Callable[[str, dict[str, Any]], None]:
    def take(id_: str, value: dict[str, Any]) -> None:
        ids.append(id_)
        values.append(value)

    return take


def moments(count: int, within_s: float, seed: int) -> Sequence[float]:
    """Random times, in order."""
    rng = random.Random(seed)
    return sorted(rng.uniform(0.0, within_s) for _ in range(count))

"""Run as a program: live streams into a topic, each second when it has been captured; nothing is left out for a broker.

Its argument is a `Plan` as JSON. Everybody can read in `plan.progress` what was due, sent and acknowledged so far. Ends
with 0 when all of it is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from daemon.kafka.content_type import raw_content_type
from tests.kafka_oracle import FORMAT, RATE_HZ
from tests.soak_audio import CHUNK_S, HOP_S, cut, place_of

REPORT_S = 0.5
PATIENCE_MS = 900_000  # for a broker that is away: longer than any outage of the soak
BATCH_BYTES = 1 << 20


@dataclass(frozen=True)
class Plan:
    """What is to be fed. `seconds` a stream; `loop`: a file of PCM; `epoch`: of every stream."""

    bootstrap: str
    topic: str
    partitions: int
    streams: int
    seconds: float
    loop: str
    progress: str
    epoch: str


@dataclass
class Progress:
    """How far it is. `began_s` is the monotonic clock, which all processes share; frames by stream."""

    began_s: float
    sent_s: float = 0.0
    acked: dict[str, int] = field(default_factory=dict)
    failed: str = ""
    done: bool = False

    @property
    def acked_s(self) -> float:
        """Seconds that the broker has, all streams together."""
        return sum(self.acked.values()) / RATE_HZ


def phase_s(stream: int, streams: int) -> float:
    """When a stream begins: they are spread over a hop, as unrelated streams are."""
    return HOP_S * stream / streams


def due_s(plan: Plan, began_s: float, now_s: float) -> float:
    """Seconds that have been captured by now, all streams together; times of one clock."""
    live = [now_s - began_s - phase_s(stream, plan.streams) for stream in range(plan.streams)]
    return sum(min(max(0.0, seconds), plan.seconds) for seconds in live)


def name_of(stream: int) -> str:
    """A stream's id."""
    return f"s{stream:03}"


def write(progress: Progress, path: Path) -> None:
    """For others to read, whole."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(progress)))
    partial.rename(path)


def read(path: Path) -> Progress | None:
    """What the feeding has written; None before it began."""
    if not path.exists():
        return None
    return Progress(**json.loads(path.read_text()))


async def feed(plan: Plan, loop: bytes) -> Progress:
    """All streams, to their ends; `loop`: what they play."""
    producer = AIOKafkaProducer(
        bootstrap_servers=plan.bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=PATIENCE_MS,
    )
    await producer.start()
    progress = Progress(time.monotonic())
    telling = asyncio.create_task(_tell(progress, Path(plan.progress)))
    try:
        async with asyncio.TaskGroup() as group:
            for stream in range(plan.streams):
                group.create_task(_stream(plan, producer, progress, stream, loop))
        await producer.flush()
    except* (KafkaError, OSError) as errors:
        progress.failed = repr(errors.exceptions[0])
    finally:
        await producer.stop()
        telling.cancel()
    progress.done = not progress.failed
    write(progress, Path(plan.progress))
    return progress


async def _stream(plan: Plan, producer: AIOKafkaProducer, progress: Progress, stream: int, loop: bytes) -> None:
    """One stream, each chunk when its last frame has been captured, or as soon as the broker takes it."""
    began_s = progress.began_s + phase_s(stream, plan.streams)
    epoch_ms = (time.time() - time.monotonic() + began_s) * 1000
    name, frames = name_of(stream), round(CHUNK_S * RATE_HZ)
    headers = [("epoch", plan.epoch.encode()), ("content-type", raw_content_type(FORMAT).encode())]
    for position in range(0, round(plan.seconds * RATE_HZ), frames):
        await asyncio.sleep(max(0.0, began_s + (position + frames) / RATE_HZ - time.monotonic()))
        sent = await producer.send(
            plan.topic,
            cut(loop, place_of(stream), position, frames),
            name.encode(),
            stream % plan.partitions,
            round(epoch_ms + position / RATE_HZ * 1000),
            [*headers, ("position", str(position).encode())],
        )
        progress.sent_s += CHUNK_S
        sent.add_done_callback(lambda future: _heard(progress, name, frames, future))
    end = [("epoch", plan.epoch.encode()), ("end", b"true")]
    await producer.send_and_wait(plan.topic, b"", name.encode(), stream % plan.partitions, None, end)


def _heard(progress: Progress, name: str, frames: int, future: asyncio.Future[Any]) -> None:
    error = asyncio.CancelledError() if future.cancelled() else future.exception()
    if error is None:
        progress.acked[name] = progress.acked.get(name, 0) + frames
    else:
        progress.failed = progress.failed or repr(error)


async def _tell(progress: Progress, path: Path) -> None:
    while True:
        write(progress, path)
        await asyncio.sleep(REPORT_S)


def main() -> int:
    """The exit code."""
    logging.disable(logging.CRITICAL)  # the client complains of a broker that is meant to go
    plan = Plan(**json.loads(sys.argv[1]))
    progress = asyncio.run(feed(plan, Path(plan.loop).read_bytes()))
    return 1 if progress.failed else 0


if __name__ == "__main__":
    sys.exit(main())

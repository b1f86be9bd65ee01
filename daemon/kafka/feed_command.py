"""`genred feed`: files, radios, devices or standard input into a topic, as a producer of audio would send them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from daemon.assembly import make_sources
from daemon.deadline import ending_on_time
from daemon.errors import DrainTimedOut, InputUnusable, KafkaUnavailable, SettingsError
from daemon.kafka.cluster import Cluster
from daemon.kafka.feed import Feed, FeedRules
from daemon.kafka.outbox import Outbox, make_producer
from daemon.kafka.producer import stop_producer
from daemon.kafka.topics import kafka_source
from daemon.kafka_settings import KafkaSettings
from daemon.messages import AudioChunk, rfc3339
from daemon.settings import Settings
from daemon.source_settings import FileSettings
from daemon.sources.source import Feeder, Source
from daemon.tag_inputs import with_inputs

USUAL_TOPIC = "audio.chunks"
PROGRESS_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What was asked for on the command line. `chunk_ms` is in milliseconds."""

    inputs: tuple[str, ...]
    topic: str | None
    chunk_ms: int
    realtime: bool
    loop: bool
    copies: int
    encoding: str
    pcm: str | None
    epoch: str | None


def run_feed(options: FeedOptions, settings: Settings) -> None:
    """Feed every input to its end, or until SIGINT or SIGTERM; the topic must be there."""
    source = kafka_source(settings)
    topic = options.topic or (source.topic if source is not None else USUAL_TOPIC)
    heard = with_inputs(settings, options.inputs, options.realtime, options.pcm)
    if options.loop:
        heard = heard.model_copy(update={"sources": tuple(_looped(one) for one in heard.sources)})
    asyncio.run(ending_on_time(_feed(options, heard, topic)))


def _looped(source: object) -> object:
    return source.model_copy(update={"loop": True}) if isinstance(source, FileSettings) else source


async def _feed(options: FeedOptions, settings: Settings, topic: str) -> None:
    dropped = _Dropped()
    try:
        sources = [source for source in make_sources(settings, dropped.count) if not isinstance(source, Feeder)]
    except SettingsError as error:
        raise InputUnusable(str(error).partition(": ")[2]) from None
    rules = FeedRules(options.chunk_ms / 1000, options.encoding, options.copies, options.epoch or rfc3339(time.time()))
    await _find(topic, settings.kafka)
    async with _started(make_producer(settings.kafka)) as producer:
        feed = Feed(Outbox(producer, topic), rules)
        with _signals(feed) as force, _progress(feed):
            await _until_done(feed, sources, force, settings.drain_timeout_s)
    if dropped.seconds:
        _say(f"{dropped.seconds:.1f} s of live audio were dropped: the brokers did not take it in time")
    for failure in feed.failures[1:]:
        _say(str(failure))
    if feed.failures:
        raise feed.failures[0]


async def _find(topic: str, kafka: KafkaSettings) -> None:
    """SettingsError when the topic is not there: a broker might make it by itself, with one partition."""
    async with Cluster(kafka) as cluster:
        if topic not in await cluster.topics([topic]):
            raise SettingsError(f"topic {topic} is not there, or may not be seen: make it with genred topics create")


@contextlib.asynccontextmanager
async def _started(producer: AIOKafkaProducer) -> AsyncIterator[AIOKafkaProducer]:
    try:
        await producer.start()
        yield producer
    except KafkaError as error:
        raise KafkaUnavailable(f"the brokers do not let this client write: {error}") from error
    finally:
        await stop_producer(producer)


async def _until_done(feed: Feed, sources: list[Source], force: asyncio.Event, drain_timeout_s: float) -> None:
    """Feed until the sources end; after a signal no longer than the drain may take, or until a second one."""
    work = asyncio.create_task(feed.run(sources), name="feed")
    stopped, forced = (asyncio.create_task(event.wait()) for event in (feed.stop, force))
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({work, forced}, timeout=drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    forced.cancel()
    if not work.done():
        raise DrainTimedOut("the brokers did not take the last records in time; streams may lack their end")
    await work


@contextlib.contextmanager
def _signals(feed: Feed) -> Iterator[asyncio.Event]:
    """The first signal ends the streams in good order; what is yielded is set by the second."""
    loop, force = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        (force if feed.stop.is_set() else feed.stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield force
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _progress(feed: Feed) -> Iterator[None]:
    """What was sent and how fast, on standard error; only when that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console) as progress:
        bar, began_s = progress.add_task("feeding"), time.monotonic()

        def show() -> None:
            took_s = max(time.monotonic() - began_s, 1e-3)
            progress.update(bar, description=_described(feed, took_s))

        async def keep_showing() -> None:
            while True:
                show()
                await asyncio.sleep(PROGRESS_EVERY_S)

        showing = asyncio.create_task(keep_showing(), name="progress")
        try:
            yield
        finally:
            showing.cancel()
            show()


def _described(feed: Feed, took_s: float) -> str:
    sent = feed.outbox
    return (
        f"{sent.records} records  {feed.audio_s:.1f} s of audio  {sent.bytes / took_s / 1e6:.1f} MB/s  "
        f"{feed.audio_s / took_s:.1f} x real time"
    )


class _Dropped:
    """Audio of live sources that nobody took in time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def count(self, chunk: AudioChunk) -> None:
        self.seconds += chunk.seconds


def _say(text: str) -> None:
    print(f"genred: {text}", file=sys.stderr)  # noqa: T201

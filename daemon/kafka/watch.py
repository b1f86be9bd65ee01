"""The tags topic as it is now, and from then on: its compacted present first, every change after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord, TopicPartition

from daemon.errors import KafkaUnavailable, SettingsError
from daemon.kafka.cluster import Cluster
from daemon.kafka.connection import connection_options
from daemon.kafka.watched import parse_tags, safe_line
from daemon.kafka_settings import KafkaSettings
from daemon.messages import StreamTags
from daemon.sinks.console import printable

POLL_MS = 200
RECORDS_AT_ONCE = 2000
Records = list[ConsumerRecord[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A value of the topic. `tags` None: the stream was deleted. `present`: it was there before the watch began."""

    stream: str
    tags: StreamTags | None
    line: str
    present: bool

    def said_by(self, model: str | None) -> StreamTags | None:
        """The tags of the model of that name, of the first one for None; None when it says nothing."""
        if self.tags is None:
            return None
        return next((said for said in self.tags.apart() if model in (None, said.model.name)), None)


class Watch:
    """Reads every partition, as no member of any group; leaves no trace on the brokers.

    `pattern` is a glob of stream ids. `history`: every value that is still there, not only each stream's last.
    """

    def __init__(self, settings: KafkaSettings, pattern: str, history: bool) -> None:
        self._settings, self._pattern, self._history = settings, pattern, history
        self._consumer: AIOKafkaConsumer | None = None
        self.skipped = 0  # values that are no tags
        self.caught_up = asyncio.Event()  # all that was there at the start was given

    async def seen(self) -> AsyncGenerator[list[Seen], None]:
        """What is there, then what comes, in batches, some of them empty. KafkaUnavailable, SettingsError."""
        consumer = await self._opened()
        try:
            async for batch in self._read(consumer):
                yield batch
        except TopicAuthorizationFailedError as error:
            raise KafkaUnavailable(
                f"topic {self._settings.tags_topic}: this client may not read it: allow Read"
            ) from error
        except KafkaError as error:
            raise KafkaUnavailable(f"topic {self._settings.tags_topic} cannot be read: {error}") from error
        finally:
            await consumer.stop()

    async def _opened(self) -> AIOKafkaConsumer:
        topic = self._settings.tags_topic
        async with Cluster(self._settings) as cluster:
            facts = (await cluster.topics([topic])).get(topic)
        if facts is None:
            raise SettingsError(f"topic {topic} is not there, or may not be seen: make it with genred topics create")
        consumer = AIOKafkaConsumer(
            **connection_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(topic, number) for number in range(facts.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _read(self, consumer: AIOKafkaConsumer) -> AsyncGenerator[list[Seen], None]:
        behind = await consumer.end_offsets(list(consumer.assignment()))
        present: dict[str, Seen] = {}
        while True:
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS_AT_ONCE)
            values = [
                seen for records in batches.values() for seen in self._usable(records, not self.caught_up.is_set())
            ]
            if self.caught_up.is_set():
                yield values
                continue
            if self._history:
                yield values
            for seen in values:
                present[seen.stream] = seen
            behind = {at: end for at, end in behind.items() if await consumer.position(at) < end}
            if not behind:
                self.caught_up.set()
                yield [] if self._history else [seen for seen in present.values() if _is_live(seen)]

    def _usable(self, records: Records, present: bool) -> list[Seen]:
        found = []
        for record in records:
            try:
                seen = _seen(record, present)
            except ValueError:
                self.skipped += 1
                continue
            if fnmatchcase(seen.stream, self._pattern):
                found.append(seen)
        return found


def _seen(record: ConsumerRecord[bytes, bytes], present: bool) -> Seen:
    """ValueError when the value is no tags."""
    if record.value is None:
        return Seen(printable((record.key or b"").decode()), None, "", present)
    tags = parse_tags(record.value)
    return Seen(tags.stream, tags, safe_line(record.value), present)


def _is_live(seen: Seen) -> bool:
    return seen.tags is not None and not seen.tags.final

"""Records on their way to the brokers: in order, a bounded number of bytes at a time, none given up in silence."""

from __future__ import annotations

import asyncio
from functools import partial

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from daemon.errors import GenredError, InputUnusable, KafkaUnavailable
from daemon.kafka.connection import connection_options
from daemon.kafka_settings import KafkaSettings

MAX_IN_FLIGHT_BYTES = 32 * 2**20
BATCH_BYTES = 900_000  # of one partition, in one request; brokers refuse batches of more than 1 MiB by default
MAX_RECORD_BYTES = 256 * 2**20  # the broker decides; this client only must not decide before it

Headers = list[tuple[str, bytes]]


def make_producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """An idempotent producer, not started: no record twice, none out of order. SettingsError for unusable secrets."""
    return AIOKafkaProducer(
        **connection_options(settings),
        enable_idempotence=True,
        compression_type=None if settings.compression == "none" else settings.compression,
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_RECORD_BYTES,
        linger_ms=5,
    )


class Outbox:
    """Sends records to one topic. The first record that fails ends it: `send` and `flush` raise what happened."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._in_flight_bytes = 0
        self._changed = asyncio.Event()
        self._failure: GenredError | None = None
        self.records = self.bytes = 0  # acknowledged

    async def send(self, key: bytes, value: bytes, headers: Headers, timestamp_ms: int) -> None:
        """Hand a record over, waiting while too much is in flight. `timestamp_ms` is Unix time in milliseconds."""
        await self._wait_until_below(MAX_IN_FLIGHT_BYTES)
        size = len(key) + len(value)
        try:
            sent = await self._producer.send(self._topic, value, key=key, headers=headers, timestamp_ms=timestamp_ms)
        except KafkaError as error:
            raise self._explained(error, size) from error
        self._in_flight_bytes += size
        sent.add_done_callback(partial(self._acknowledged, size))

    async def flush(self) -> None:
        """Wait until every record is acknowledged."""
        await self._wait_until_below(1)

    async def _wait_until_below(self, limit: int) -> None:
        while self._failure is None and self._in_flight_bytes >= limit:
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    def _acknowledged(self, size: int, sent: asyncio.Future[object]) -> None:
        self._in_flight_bytes -= size
        self._changed.set()
        error = None if sent.cancelled() else sent.exception()
        if error is None:
            self.records += 1
            self.bytes += size
        elif self._failure is None:
            self._failure = self._explained(error, size)

    def _explained(self, error: BaseException, size: int) -> GenredError:
        if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
            return InputUnusable(
                f"a chunk of {size} bytes is larger than topic {self._topic} takes (max.message.bytes): "
                "use a smaller --chunk-ms, or --encode flac"
            )
        if isinstance(error, TopicAuthorizationFailedError):
            return KafkaUnavailable(f"topic {self._topic}: this client may not write to it: allow Write")
        if isinstance(error, InvalidTimestampError):
            return KafkaUnavailable(
                f"topic {self._topic} refuses the records' timestamps: is this machine's clock right?"
            )
        return KafkaUnavailable(f"topic {self._topic}: a record was not taken: {error}")

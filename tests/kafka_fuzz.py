"""Records that no producer should send: chunks with something changed, and plain nonsense."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import BadRecord
from daemon.grid import Grid
from daemon.kafka.content_type import raw_content_type
from daemon.kafka.input_record import AudioRecord, InputRecord, InputRules, parse_record
from daemon.kafka.open_runs import OpenRuns
from models.resample import filter_margin_frames
from tests.audio_files import encode, stepped_tones
from tests.kafka_sending import Sent

FORMAT = AudioFormat(SampleFormat.S16LE, 8000, 1)
TYPE = raw_content_type(FORMAT).encode()
CHUNK = (stepped_tones(0.05, 8000) * 32767).astype("<i2").tobytes()
FILES = {
    b"audio/wav": encode(stepped_tones(0.05, 8000), "pcm_s16le", "wav", 8000, channels=1),
    b"audio/flac": encode(stepped_tones(0.05, 8000), "flac", "flac", 8000, channels=1),
    b"audio/mpeg": encode(stepped_tones(0.05, 44_100), "libmp3lame", "mp3"),
    b"audio/ogg": encode(stepped_tones(0.05, 48_000), "libopus", "ogg", 48_000),
}
STREAMS, FILES_SHARE = 40, 0.01
_NAMES = ("content-type", "position", "epoch", "end", "title", "é", "")
_VALUES = (
    b"", b"0", b"-1", b"17", b"9" * 17, b"1e9", b"false", b"\xff\xfe", b"audio/x-raw", b"text/html", b"x" * 3000,
    b"e\n", TYPE.replace(b"8000", b"9999999"), TYPE.replace(b"channels=1", b"channels=64"), b"audio/x-raw;rate=1",
)  # fmt: skip


class Fuzzer:
    """An endless stream of records, the same for the same seed."""

    def __init__(self, seed: int, partitions: int) -> None:
        self._rng, self._partitions = random.Random(seed), partitions
        self._positions = [0] * STREAMS
        self._now_ms = round(time.time() * 1000)

    def record(self) -> Sent:
        """One more."""
        rng = self._rng
        stream = rng.randrange(STREAMS)
        partition = stream % self._partitions
        if rng.random() < 0.1:
            return self._nonsense(partition)
        key: bytes | None = b"s%d" % stream
        headers = [("content-type", TYPE), ("epoch", b"e"), ("position", b"%d" % self._positions[stream])]
        value: bytes | None = CHUNK
        if rng.random() < FILES_SHARE:
            kind = rng.choice(list(FILES))
            headers, key, value = [("content-type", kind), ("epoch", b"f")], key + b"-" + kind, FILES[kind]  # type: ignore[operator]
        else:
            self._positions[stream] += len(CHUNK) // 2
        if rng.random() < 0.3:
            key, value, headers = self._changed(key, value, headers)
        if key is None and value is None:
            key = b"s"
        return Sent(partition, key, value, headers, self._now_ms + rng.randrange(1000))

    def _changed(
        self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
        rng = self._rng
        match rng.randrange(6):
            case 0:
                key = rng.choice([None, b"", b"\xff", b"k" * 600, b"a\nb", key])
            case 1:
                value = rng.choice([None, b"", b"x", (value or b"")[: rng.randrange(900)], value])
            case 2:
                damaged = bytearray(value or b"")
                for _ in range(rng.randrange(1, 20)):
                    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
                value = bytes(damaged)
            case 3:
                headers = [header for header in headers if rng.random() < 0.5]
            case 4:
                place = rng.randrange(len(headers))
                headers[place] = (headers[place][0], rng.choice(_VALUES))
            case _:
                headers = [*headers, (rng.choice(_NAMES), rng.choice(_VALUES))]
        return key, value, headers

    def _nonsense(self, partition: int) -> Sent:
        rng = self._rng
        headers = [(rng.choice(_NAMES), rng.choice(_VALUES)) for _ in range(rng.randrange(4))]
        return Sent(
            partition, rng.randbytes(rng.randrange(1, 9)), rng.randbytes(rng.randrange(80)), headers, self._now_ms
        )


def grid_for(rate_hz: int) -> Grid:
    """Some grid: only whether records are taken matters."""
    return Grid(rate_hz, rate_hz, 3, filter_margin_frames(rate_hz, 16_000), 100, rate_hz // 5)


def verdicts(records: Sequence[Sent]) -> tuple[dict[int, str], float]:
    """What must become of records: which of them are refused and why; seconds of audio in the others."""
    runs: dict[int, OpenRuns] = {}
    refused: dict[int, str] = {}
    seconds = 0.0
    for place, sent in enumerate(records):
        timestamp_ms = sent.timestamp_ms or 0
        record = InputRecord("t", sent.partition, place, timestamp_ms, sent.key, sent.value, sent.headers)
        open_runs = runs.setdefault(sent.partition, OpenRuns(grid_for, {}))
        try:
            parsed = parse_record(record, InputRules())
            if isinstance(parsed, AudioRecord):
                open_runs.audio(parsed, place)
                seconds += parsed.format.seconds(len(parsed.audio) // parsed.format.frame_bytes)
            else:
                open_runs.ended(parsed)
        except BadRecord as error:
            refused[place] = error.reason.value
    return refused, seconds

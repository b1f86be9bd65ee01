"""Records of several streams on one partition: chunks, gaps, repeats, ends, new runs, new formats, idle streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.input_record import AudioRecord, EndRecord

Record = AudioRecord | EndRecord | None  # None: a record that is no stream's (refused, or a transaction's marker)

USUAL = AudioFormat(SampleFormat.S16LE, 8000, 1)
OTHER = AudioFormat(SampleFormat.U8, 8000, 1)


class Act(StrEnum):
    """What the producer of a stream does."""

    CHUNK = "chunk"
    GAP = "gap"
    BACK = "back"
    END = "end"
    LAST_CHUNK = "last_chunk"
    RESTART = "restart"
    STALE = "stale"
    FORMAT = "format"
    NOTHING = "nothing"
    IDLE = "idle"


@dataclass(frozen=True)
class Move:
    """`stream` does `act`; `frames` is how much of it."""

    stream: int
    act: Act
    frames: int


acts = st.sampled_from([*[Act.CHUNK] * 8, *Act])
moves = st.builds(Move, st.integers(0, 4), acts, st.integers(1, 160))
some_moves = st.lists(moves, min_size=1, max_size=45)


@dataclass
class Producer:
    """One stream. `has_epoch`, `has_position`: which headers it gives."""

    name: str
    has_epoch: bool
    has_position: bool
    run: int = 0
    position: int = 0
    floor: int = 0  # what was ended is not sent again
    format: AudioFormat = USUAL
    others: dict[int, int] = field(default_factory=dict)  # older runs -> where they stopped
    open: bool = False  # for sure

    def restart(self) -> None:
        """Begin a new run."""
        self.others[self.run] = self.position
        self.run, self.position, self.floor = self.run + 1, 0, 0

    def closed(self) -> None:
        """Nobody hears the run any more."""
        self.floor, self.open = self.position, False
        if not self.has_position:
            self.restart()
            del self.others[self.run - 1]  # one that is counted must not be sent again: it would count from 0

    def chunk(self, frames: int, run: int | None = None, end: bool = False, fmt: AudioFormat | None = None) -> Record:
        """The next frames of a run: the present one, or an older one."""
        fmt, which = fmt or self.format, self.run if run is None else run
        start = self.position if run is None else self.others[run]
        if run is not None:
            self.others[run] += frames
        elif fmt == self.format:
            self.position += frames
        levels = (np.arange(start, start + frames) * 7 + which * 1000 + len(self.name) * 300) % 97 + 1
        audio = levels.astype("u1" if fmt is OTHER else "<i2").tobytes()
        epoch, position = f"e{which}" if self.has_epoch else None, start if self.has_position else None
        return AudioRecord(self.name, epoch, position, fmt, audio, 1000.0 + start / 8000, end, None)


@dataclass
class Script:
    """A log, and where streams are found idle: behind which record, those last heard before which."""

    records: list[Record] = field(default_factory=list)
    idle: dict[int, int] = field(default_factory=dict)


def script(made: Sequence[Move]) -> Script:
    """The log that the moves make."""
    producers = [Producer(f"s{'x' * n}", n % 2 == 0, n < 3) for n in range(5)]  # two of the usual kind
    found = Script()
    for move in made:
        found.records.append(_DONE[move.act](producers[move.stream], move.frames))
        if move.act is Act.IDLE:
            found.idle[len(found.records) - 1] = max(0, len(found.records) - move.frames % 12)
            for producer in producers:
                producer.closed()
    return found


def _usual(producer: Producer, frames: int) -> Record:
    producer.open = True
    return producer.chunk(frames)


def _gap(producer: Producer, frames: int) -> Record:
    producer.position += frames if producer.has_position else 0
    return _usual(producer, frames % 40 + 1)


def _back(producer: Producer, frames: int) -> Record:
    if not producer.has_position or producer.position - frames < producer.floor:
        return None
    position, producer.position = producer.position, producer.position - frames
    record = producer.chunk(frames // 2 + 1)
    producer.position = position
    return record


def _last_chunk(producer: Producer, frames: int) -> Record:
    record = producer.chunk(frames, end=True)
    producer.closed()
    return record


def _end(producer: Producer, frames: int) -> Record:
    producer.closed()
    return EndRecord(producer.name, None, deleted=frames % 2 == 0)


def _restart(producer: Producer, frames: int) -> Record:
    if not producer.has_epoch and not producer.has_position:
        return None
    producer.restart()
    return _usual(producer, frames)


def _stale(producer: Producer, frames: int) -> Record:
    if not producer.has_epoch or not producer.open or producer.run - 1 not in producer.others:
        return None
    return producer.chunk(frames, run=producer.run - 1)


def _format(producer: Producer, frames: int) -> Record:
    if producer.has_epoch:
        return producer.chunk(frames, fmt=OTHER) if producer.open else None  # refused: the run has another
    producer.format = OTHER if producer.format is USUAL else USUAL
    producer.restart()
    return _usual(producer, frames)


def _nothing(producer: Producer, frames: int) -> Record:
    return None


_DONE = {
    Act.CHUNK: _usual,
    Act.GAP: _gap,
    Act.BACK: _back,
    Act.LAST_CHUNK: _last_chunk,
    Act.END: _end,
    Act.RESTART: _restart,
    Act.STALE: _stale,
    Act.FORMAT: _format,
    Act.NOTHING: _nothing,
    Act.IDLE: _nothing,
}

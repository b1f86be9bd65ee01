"""The open runs of a partition's streams: records in, cuts out. Pure, and a function of the records alone.

A producer that gives neither epoch nor position is counted: its run is named after its first record, its position is
the frames so far.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daemon.cuts import Cut
from daemon.errors import BadChunk, BadRecord, RecordFault, SettingsError
from daemon.grid import Grid
from daemon.kafka.input_record import AudioRecord, EndRecord
from daemon.messages import AudioChunk, StreamEnd, rfc3339
from daemon.windows import Windower

FINGERPRINT_BYTES = 4

Key = tuple[str, str]  # stream, epoch


@dataclass(frozen=True, slots=True)
class Published:
    """A window that is in the windows topic at `log_offset`; the input record at `offset` completed it.

    It can be made again from the record at `first_offset` on.
    """

    offset: int
    end_s: float
    log_offset: int
    first_offset: int


@dataclass(frozen=True, slots=True)
class Begun:
    """The present run of a stream began at record `first_offset` or later, and replaced the epoch of that fingerprint.

    Noted for streams whose records before that would be misread by those who do not know what came before them.
    """

    first_offset: int
    replaced: bytes | None


@dataclass(slots=True, eq=False)
class OpenRun:
    """A run of a stream, from its first record to its end."""

    windower: Windower
    first_offset: int
    first_position: int = 0
    next_position: int = 0
    last_offset: int = -1
    heard_at_s: float = 0.0  # when its last record was worked on, by the clock of whoever keeps the run
    heard_in_s: float = 0.0  # the newest time that the partition's records had told by then, Unix seconds
    replaced: bytes | None = None  # fingerprint of the epoch before this one, if it was not ended
    published: deque[Published] = field(default_factory=deque)  # as far back as a new owner needs

    @property
    def key(self) -> Key:
        """Stream and epoch."""
        return self.windower.stream, self.windower.epoch

    def remember(self, published: Published) -> None:
        """Note a window that is out; brokers may acknowledge one before another that came first."""
        later = []
        while self.published and self.published[-1].end_s > published.end_s:
            later.append(self.published.pop())
        self.published.append(published)
        self.published.extend(reversed(later))


@dataclass(frozen=True, slots=True, eq=False)
class Stale:
    """Audio of a run that another has replaced."""

    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something that became certain of a run, and the record that its state before that goes back to."""

    run: OpenRun
    item: Cut | StreamEnd | Stale
    needed_offset: int | None = None


class OpenRuns:
    """Every open run of one partition.

    `begun`: fingerprints of streams -> runs that a previous owner knew.
    """

    def __init__(self, grid_for: Callable[[int], Grid], begun: Mapping[bytes, Begun]) -> None:
        self._grid_for = grid_for
        self._begun = {stream: run for stream, run in begun.items() if run.replaced is not None}
        self.by_stream: dict[str, OpenRun] = {}
        self.published_to_s: dict[Key, float] = {}  # end of the last window of runs whose next record is yet to come

    def audio(self, record: AudioRecord, offset: int, position: int | None = None) -> list[Event]:
        """Take a chunk; `position` stands in for one that the record lacks. BadRecord when it fits no run."""
        run = self.by_stream.get(record.stream)
        epoch = record.epoch or self._epoch_of(record, run, offset)
        events: list[Event] = []
        if run is None or run.windower.epoch != epoch:
            if run is not None and run.replaced == fingerprint(epoch):
                return [Event(run, Stale(record.format.seconds(len(record.audio) // record.format.frame_bytes)))]
            fresh = self._begin(record, epoch, run, offset)  # may refuse: before anything ends
            events = [] if run is None else self.end(record.stream)
            run = self.by_stream[record.stream] = fresh
        needed = run.windower.needed_offset
        events += self._push(run, record, offset, position, needed)
        if record.end:
            events += self._end(run, needed)
        return events

    def ended(self, record: EndRecord) -> list[Event]:
        """The stream's run is over, unless the record speaks of another one."""
        run = self.by_stream.get(record.stream)
        if run is None or (record.epoch is not None and record.epoch != run.windower.epoch):
            return []
        return self.end(record.stream)

    def end(self, stream: str) -> list[Event]:
        """Close the stream's run: its last windows, then its end."""
        run = self.by_stream[stream]
        return self._end(run, run.windower.needed_offset)

    def _end(self, run: OpenRun, needed: int | None) -> list[Event]:
        del self.by_stream[run.windower.stream]
        if self._begun:
            self._begun.pop(fingerprint(run.windower.stream), None)
        events = [Event(run, cut, needed) for cut in run.windower.flush()]
        return [*events, Event(run, StreamEnd(*run.key), needed)]

    def _begin(self, record: AudioRecord, epoch: str, before: OpenRun | None, offset: int) -> OpenRun:
        try:
            grid = self._grid_for(record.format.sample_rate_hz)
        except SettingsError as error:
            raise BadRecord(RecordFault.AUDIO_FORMAT, str(error)) from error
        replaced = None if before is None else fingerprint(before.windower.epoch)
        if before is None and self._begun and (begun := self._begun.get(fingerprint(record.stream))) is not None:
            offset, replaced = begun.first_offset, begun.replaced
        windower = Windower(record.stream, epoch, record.format, grid)
        published_to_s = self.published_to_s.pop((record.stream, epoch), None)
        if published_to_s is not None:
            windower.follow(round(published_to_s * record.format.sample_rate_hz))
        return OpenRun(windower, offset, record.position or 0, replaced=replaced)

    def _push(
        self, run: OpenRun, record: AudioRecord, offset: int, position: int | None, needed: int | None
    ) -> list[Event]:
        if record.position is not None:
            position = record.position
        elif position is None:
            position = run.next_position
        chunk = AudioChunk(
            record.stream,
            run.windower.epoch,
            position,
            record.format,
            record.audio,
            record.captured_at_s,
            record.title,
            offset,
        )
        try:
            cuts = run.windower.push(chunk)
        except BadChunk as error:
            raise BadRecord(RecordFault.AUDIO_FORMAT, str(error)) from error
        run.next_position = max(run.next_position, position + chunk.frames)
        run.last_offset = offset
        return [Event(run, cut, needed) for cut in cuts]

    @staticmethod
    def _epoch_of(record: AudioRecord, run: OpenRun | None, offset: int) -> str:
        """The run's name where the producer gives none; one that begins again at 0 has started anew."""
        if run is not None and run.windower.format == record.format and (record.position != 0 or not run.next_position):
            return run.windower.epoch
        return f"{rfc3339(record.captured_at_s)}@{offset}"


def fingerprint(name: str) -> bytes:
    """Four bytes that stand for a stream or an epoch where there is no room for its name."""
    return hashlib.blake2b(name.encode(), digest_size=FINGERPRINT_BYTES).digest()

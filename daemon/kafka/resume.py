"""How a new owner becomes what the old one was before the committed offset: the audio and the scores before it.

`Rebuild` reads the input records from the bookmark up to the committed offset, silently; `finish` then puts every run
beside the windows that were published of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from daemon.cuts import Loss, Window
from daemon.errors import BadRecord
from daemon.kafka.bookmark import Bookmark
from daemon.kafka.input_record import AudioRecord, EndRecord
from daemon.kafka.open_runs import Event, Key, OpenRun, OpenRuns, Published
from daemon.messages import WindowTags

WindowKey = tuple[str, str, int]  # stream, epoch, window
Held = list[tuple[int, AudioRecord | EndRecord]]  # with their offsets


@dataclass(frozen=True, slots=True)
class LoggedWindow:
    """A window as it stands in the windows topic."""

    log_offset: int
    result: WindowTags

    @property
    def completed_by(self) -> int:
        """The input record that completed it."""
        assert self.result.source is not None
        return self.result.source.last_offset


@dataclass(frozen=True, slots=True)
class Plan:
    """What a take-over begins with. `committed`: the first record to work on. `log_end`: end of the windows topic."""

    committed: int
    bookmark: Bookmark
    logged: Sequence[LoggedWindow]
    log_end: int


@dataclass(slots=True)
class Resumed:
    """What `finish` found: the past of each run, and the windows that are out although not committed."""

    history: dict[Key, list[LoggedWindow]] = field(default_factory=lambda: defaultdict(list))
    known: dict[WindowKey, LoggedWindow] = field(default_factory=dict)


class Rebuild:
    """Brings `runs` to where they were before `plan.committed`."""

    def __init__(self, plan: Plan, runs: OpenRuns) -> None:
        self.plan, self._runs = plan, runs
        self._held: dict[str, Held] = {}
        self._by_stream: dict[str, list[LoggedWindow]] = defaultdict(list)
        for logged in plan.logged:
            self._by_stream[logged.result.stream].append(logged)

    @property
    def held_s(self) -> float:
        """Seconds of audio that wait for `finish`."""
        return sum(_seconds(record) for held in self._held.values() for _, record in held)

    def read(self, record: AudioRecord | EndRecord, offset: int) -> float:
        """Take a record from before the committed offset; the seconds of its audio, or another's, given up again."""
        stream = record.stream
        counted = isinstance(record, AudioRecord) and (record.epoch is None or record.position is None)
        if stream in self._held or (counted and stream not in self._runs.by_stream):
            self._held.setdefault(stream, []).append((offset, record))  # its place is known only from the log
            return 0.0
        return _given_up(self._feed(record, offset, None))

    def finish(self) -> tuple[Resumed, float]:
        """Every run is where it was; and the seconds of audio that were given up in getting there."""
        given_up_s = sum(_given_up(self._resolve(held)) for held in self._held.values())
        self._held.clear()
        for stream, run in list(self._runs.by_stream.items()):
            if run.last_offset < self.plan.bookmark.closed_before:
                given_up_s += run.windower.format.seconds(run.windower.pending_frames)
                del self._runs.by_stream[stream]
        resumed = self._past()
        for run in self._runs.by_stream.values():
            given_up_s += _restore(run, resumed.history.get(run.key, []))
        return resumed, given_up_s

    def _feed(self, record: AudioRecord | EndRecord, offset: int, position: int | None) -> list[Event]:
        try:
            if isinstance(record, EndRecord):
                return self._runs.ended(record)
            return self._runs.audio(record, offset, position)
        except BadRecord:
            return []  # its dead letter was written by the owner who saw it first

    def _resolve(self, held: Held) -> Iterable[Event]:
        """Feed records whose epoch or position the producer does not give: a published window tells them."""
        anchors = {logged.completed_by: logged.result for logged in self._by_stream[held[0][1].stream]}
        for run in _runs_of(held):
            place = next((place for place, (offset, _) in enumerate(run) if offset in anchors), None)
            anchor = None if place is None else anchors[run[place][0]]
            position = None
            if anchor is not None and anchor.source is not None:
                position = anchor.source.last_position - sum(_frames(record) for _, record in run[:place])
            for offset, record in run:
                if anchor is not None and isinstance(record, AudioRecord) and record.epoch is None:
                    record = replace(record, epoch=anchor.epoch)
                yield from self._feed(record, offset, position)
                position = None if position is None else position + _frames(record)

    def _past(self) -> Resumed:
        resumed = Resumed()
        seen: set[WindowKey] = set()
        for logged in self.plan.logged:
            result = logged.result
            key = (result.stream, result.epoch, result.window)
            if key in seen:
                continue  # a window that was published again, the same
            seen.add(key)
            run = self._runs.by_stream.get(result.stream)
            open_now = run is not None and run.windower.epoch == result.epoch
            if (run is not None and open_now and result.window < run.windower.next_window) or (
                not open_now and logged.completed_by < self.plan.committed
            ):
                resumed.history[result.stream, result.epoch].append(logged)
            else:
                resumed.known[key] = logged
        return resumed


def _runs_of(held: Held) -> list[Held]:
    """The records, parted behind every end."""
    runs: list[Held] = [[]]
    for offset, record in held:
        runs[-1].append((offset, record))
        if isinstance(record, EndRecord) or record.end:
            runs.append([])
    return [run for run in runs if run]


def _restore(run: OpenRun, history: list[LoggedWindow]) -> float:
    """Remember what was published of the run; the seconds of its audio that a published window covers."""
    history.sort(key=lambda logged: logged.result.window)
    run.published.extend(Published(logged.completed_by, logged.result.end_s, logged.log_offset) for logged in history)
    if history and history[-1].result.window == run.windower.next_window - 1:
        return run.windower.format.seconds(run.windower.disown())
    return 0.0


def _given_up(events: Iterable[Event]) -> float:
    """Seconds of audio in events that the previous owner has dealt with."""
    seconds = 0.0
    for event in events:
        if isinstance(event.item, Window):
            seconds += event.item.fresh_s
        elif isinstance(event.item, Loss):
            seconds += event.run.windower.format.seconds(event.item.frames)
    return seconds


def _seconds(record: AudioRecord | EndRecord) -> float:
    return record.format.seconds(_frames(record)) if isinstance(record, AudioRecord) else 0.0


def _frames(record: AudioRecord | EndRecord) -> int:
    return len(record.audio) // record.format.frame_bytes if isinstance(record, AudioRecord) else 0

"""How a new owner becomes what the old one was before the committed offset: the audio and the scores before it.

`Rebuild` reads the input records from the bookmark up to the committed offset, silently; `finish` then puts every run
beside the windows that were published of it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from daemon.cuts import Loss, Window
from daemon.errors import BadRecord
from daemon.kafka.bookmark import Bookmark
from daemon.kafka.input_record import AudioRecord, EndRecord
from daemon.kafka.open_runs import Event, Key, OpenRun, OpenRuns, Published, Stale, fingerprint
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
    cut: bool = False  # records are gone that the previous owner had not worked on, or that are needed to go on


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
        self._closings = deque(plan.bookmark.closings)
        self._anchors = {(logged.result.stream, logged.completed_by): logged.result for logged in plan.logged}
        self._begins = _begins(plan)

    @property
    def held_s(self) -> float:
        """Seconds of audio that wait for `finish`."""
        return sum(_seconds(record) for held in self._held.values() for _, record in held)

    def read(self, record: AudioRecord | EndRecord, offset: int) -> float:
        """Take a record from before the committed offset; the seconds of its audio, or another's, given up again."""
        stream = record.stream
        given_up_s = self._close_idle(offset)
        if offset < self._begins.get(stream, 0) or self._is_before_its_run(stream, offset):
            return given_up_s + _seconds(record)
        counted = isinstance(record, AudioRecord) and (record.epoch is None or record.position is None)
        if stream in self._held or (counted and stream not in self._runs.by_stream):
            self._held.setdefault(stream, []).append((offset, record))  # its place is known only from the log
            return given_up_s
        return given_up_s + self._feed(record, offset)

    def finish(self) -> tuple[Resumed, float]:
        """Every run is where it was; and the seconds of audio that were given up in getting there."""
        given_up_s = self._close_idle(self.plan.committed)
        for held in self._held.values():
            given_up_s += self._resolve(held)
        self._held.clear()
        resumed = self._past()
        for run in self._runs.by_stream.values():
            given_up_s += _restore(run, resumed.history.get(run.key, []))
        if self.plan.cut:
            self._tell_gaps(resumed)
        return resumed, given_up_s

    def _tell_gaps(self, resumed: Resumed) -> None:
        """Records are gone: every run's next window says how much was not heard since its last."""
        for (stream, epoch), history in resumed.history.items():
            end_s = max(logged.result.end_s for logged in history)
            run = self._runs.by_stream.get(stream)
            if run is not None and run.windower.epoch == epoch:
                run.windower.follow(round(end_s * run.windower.format.sample_rate_hz))
            else:
                self._runs.published_to_s[stream, epoch] = end_s

    def _feed(self, record: AudioRecord | EndRecord, offset: int, position: int | None = None) -> float:
        """Take a record; the seconds that are given up with it."""
        try:
            if isinstance(record, EndRecord):
                return _given_up(self._runs.ended(record))
            return _given_up(self._runs.audio(record, offset, position))
        except BadRecord:
            return _seconds(record)  # its dead letter was written by the owner who saw it first

    def _is_before_its_run(self, stream: str, offset: int) -> bool:
        runs = self.plan.bookmark.runs
        run = runs.get(fingerprint(stream)) if runs else None
        return run is not None and offset < run.first_offset

    def _close_idle(self, offset: int) -> float:
        """Close what the previous owners closed before record `offset`; the seconds that are given up with it."""
        given_up_s = 0.0
        while self._closings and self._closings[0].after < offset:
            before = self._closings.popleft().before
            for stream, run in list(self._runs.by_stream.items()):
                if run.last_offset < before:
                    given_up_s += _given_up(self._runs.end(stream))
            for stream, held in self._held.items():
                if held[-1][0] < before:
                    held.append((held[-1][0], EndRecord(stream, None, deleted=False)))
        return given_up_s

    def _resolve(self, held: Held) -> float:
        """Feed records whose epoch or position the producer does not give: a published window tells them."""
        given_up_s = 0.0
        for place, (offset, record) in enumerate(held):
            position = None
            run = self._runs.by_stream.get(record.stream)
            begins = run is None or (isinstance(record, AudioRecord) and record.epoch not in (None, run.windower.epoch))
            if isinstance(record, AudioRecord) and begins:
                record, position = self._placed(record, held[place:])
            given_up_s += self._feed(record, offset, position)
        return given_up_s

    def _placed(self, record: AudioRecord, held: Held) -> tuple[AudioRecord, int | None]:
        """The first of `held`, with its run's name, and its position, by a window that was made from that run."""
        frames = 0
        for offset, other in held:
            if isinstance(other, EndRecord) or (other.epoch, other.format) != (record.epoch, record.format):
                break
            if frames and other.position == 0 and other.epoch is None:
                break  # begun anew
            anchor = self._anchors.get((record.stream, offset))
            if anchor is not None and anchor.source is not None:
                return replace(record, epoch=anchor.epoch), anchor.source.last_position - frames
            if other.end:
                break
            frames += _frames(other)
        return record, None

    def _past(self) -> Resumed:
        resumed = Resumed()
        for key, logged in _once(self.plan.logged).items():
            result = logged.result
            run = self._runs.by_stream.get(result.stream)
            open_now = run is not None and run.windower.epoch == result.epoch
            if self._is_before_its_run(result.stream, logged.completed_by):
                continue  # of a run of the same name that was ended
            if (run is not None and open_now and result.window < run.windower.next_window) or (
                not open_now and logged.completed_by < self.plan.committed
            ):
                resumed.history[result.stream, result.epoch].append(logged)
            else:
                resumed.known[key] = logged
        return resumed


def _once(logged: Iterable[LoggedWindow]) -> dict[WindowKey, LoggedWindow]:
    """Each window where it was published first, with what was said of it last: by other models perhaps."""
    windows: dict[WindowKey, LoggedWindow] = {}
    for each in logged:
        result = each.result
        key = (result.stream, result.epoch, result.window)
        first = windows.get(key)
        if first is not None:
            each = LoggedWindow(first.log_offset, replace(result, source=first.result.source))
        windows[key] = each
    return windows


def _begins(plan: Plan) -> dict[str, int]:
    """By stream, the record from which the newest windows below the committed offset were made.

    What lies before it cannot be understood from where the reading begins: audio that came twice, say.
    """
    newest: dict[str, tuple[int, int]] = {}  # completing record, first record
    for logged in plan.logged:
        source = logged.result.source
        if source is not None and source.last_offset < plan.committed:
            completed_by, first = newest.get(logged.result.stream, (-1, 0))
            if source.last_offset > completed_by:
                newest[logged.result.stream] = source.last_offset, source.first_offset
            elif source.last_offset == completed_by:
                newest[logged.result.stream] = completed_by, min(first, source.first_offset)
    return {stream: first for stream, (_, first) in newest.items()}


def _restore(run: OpenRun, history: list[LoggedWindow]) -> float:
    """Remember what was published of the run; the seconds of its audio that a published window covers."""
    history.sort(key=lambda logged: logged.result.window)
    for logged in history:
        assert logged.result.source is not None
        first_offset = logged.result.source.first_offset
        run.published.append(Published(logged.completed_by, logged.result.end_s, logged.log_offset, first_offset))
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
        elif isinstance(event.item, Stale):
            seconds += event.item.seconds
    return seconds


def _seconds(record: AudioRecord | EndRecord) -> float:
    return record.format.seconds(_frames(record)) if isinstance(record, AudioRecord) else 0.0


def _frames(record: AudioRecord | EndRecord) -> int:
    return len(record.audio) // record.format.frame_bytes if isinstance(record, AudioRecord) else 0

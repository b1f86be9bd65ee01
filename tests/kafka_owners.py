"""One partition's owners in turn, without a broker or an engine: what each says, what it commits, where it is killed.

The product's own parts decide everything (`OpenRuns`, `CommitPoint`, `Rebuild`, `Tagger`); scores are a function of a
window's audio alone. Time does not pass by itself: streams are found idle where the script says so.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from daemon.aggregate import StreamAggregator, TagPolicy
from daemon.cuts import Window
from daemon.errors import BadRecord
from daemon.grid import Grid
from daemon.kafka.bookmark import Bookmark, decode_bookmark
from daemon.kafka.commit_point import CommitPoint
from daemon.kafka.input_record import AudioRecord, EndRecord
from daemon.kafka.known_scores import as_scored
from daemon.kafka.open_runs import Event, OpenRuns, Stale
from daemon.kafka.output_record import parse_window
from daemon.kafka.resume import LoggedWindow, Plan, Rebuild
from daemon.kafka.watermark import Ticket
from daemon.messages import ModelId, StreamEnd, WindowTags, json_line
from daemon.roster import Roster, Voice
from daemon.scoring import ScoredWindow
from daemon.tagging import LogPartition, StreamRules, Tagger
from tests.strategies import GRID

LOG = LogPartition("audio", 0)
MODEL, OTHER = ModelId("hash", "1", "0" * 64), ModelId("other", "1", "1" * 64)
LABELS, OTHER_LABELS = ("low", "middle", "high"), ("odd", "low")
HORIZON_S = 5 * GRID.hop_s
POLICY = TagPolicy(horizon_s=HORIZON_S, half_life_s=2 * GRID.hop_s, min_score=0.3)

Record = AudioRecord | EndRecord | None  # None: nothing that is a stream's (a transaction's marker, a refused record)


def grid_for(rate_hz: int) -> Grid:
    """The tests' small grid, in frames, whatever the rate."""
    return Grid(rate_hz, GRID.hop_frames, GRID.blocks_per_window, GRID.left_frames, GRID.right_frames, 5)


RULES = StreamRules(
    grid_for=grid_for,
    aggregator_for=lambda stream, epoch, voice: StreamAggregator(stream, epoch, voice.labels, POLICY),
)
MAIN_VOICE = Voice(MODEL, LABELS, (0, 1, 2), LABELS, (0, 1, 2))
OTHER_VOICE = Voice(OTHER, OTHER_LABELS, (4, 3), OTHER_LABELS, (4, 3))
N_SCORES = 5  # of any roster
ROSTER = Roster((MAIN_VOICE, OTHER_VOICE), N_SCORES)
ROSTERS = [ROSTER, *(Roster((one,), N_SCORES) for one in (MAIN_VOICE, OTHER_VOICE))]


@dataclass
class Topics:
    """What stands in the result topics, and the group's commit."""

    windows: list[WindowTags] = field(default_factory=list)
    heard: dict[str, list[int]] = field(default_factory=dict)  # window id -> checksums of its blocks
    tags: list[dict[str, Any]] = field(default_factory=list)
    tag_ids: list[str] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    stale: list[int] = field(default_factory=list)  # offsets of records of replaced runs
    commit: tuple[int, str] | None = None


@dataclass
class Job:
    """Something to be said."""

    ticket: Ticket
    item: ScoredWindow | StreamEnd


class Owner:
    """Owns the partition from the group's commit on, until nobody calls it any more."""

    def __init__(self, log: Sequence[Record], idle: dict[int, int], topics: Topics, roster: Roster = ROSTER) -> None:
        """`idle`: after which record (offset) the streams last heard before which other one have been idle too long."""
        self._log, self._idle, self._topics, self._roster = log, idle, topics, roster
        start, metadata = topics.commit or (0, None)
        bookmark = decode_bookmark(metadata) or Bookmark(start, 0)
        logged = [LoggedWindow(n, topics.windows[n]) for n in range(bookmark.windows, len(topics.windows))]
        plan = Plan(start, bookmark, logged, len(topics.windows))
        self.runs = OpenRuns(grid_for, bookmark.runs)
        self._tagger = Tagger(RULES, lambda: roster, LOG)
        self.point = CommitPoint(plan, HORIZON_S)
        rebuild = Rebuild(plan, self.runs)
        received_s = given_up_s = 0.0
        for offset in range(bookmark.audio, start):
            record = log[offset]
            if record is not None:
                received_s += seconds(record)
                given_up_s += rebuild.read(record, offset)
        resumed, more_s = rebuild.finish()
        pending_s = sum(
            run.windower.format.seconds(run.windower.pending_frames) for run in self.runs.by_stream.values()
        )
        assert abs(received_s - given_up_s - more_s - pending_s) < 1e-9  # every second is somewhere
        self._known = resumed.known
        self.point.expect(self._known)
        for (stream, epoch), history in resumed.history.items():
            run = self.runs.by_stream.get(stream)
            if run is not None and run.windower.epoch == epoch:
                self._tagger.restore(stream, epoch, [logged.result for logged in history])
        self.jobs: deque[Job] = deque()
        self._written: dict[Ticket, int] = {}
        self.said: list[Job] = []  # written, not acknowledged
        if start - 1 in idle:
            self._close_idle(start - 1)  # those that were closed for good are not open any more

    def take(self) -> None:
        """Work on the next record; then close what is idle, as soon as all is acknowledged."""
        offset = self.point.next_offset
        record = self._log[offset]
        try:
            if record is None:
                events = []
            else:
                ended = isinstance(record, EndRecord)
                events = self.runs.ended(record) if ended else self.runs.audio(record, offset)  # type: ignore[arg-type]
        except BadRecord:
            events = []
            self._topics.refused.add(offset)
        self.point.watermark.read(offset)
        self._queue(events, offset)
        if offset in self._idle:
            self.finish()
            self._close_idle(offset)

    def finish(self) -> None:
        """Say all that there is to say; it is acknowledged."""
        self.say(len(self.jobs))
        self.acknowledge([0.0] * len(self.said))

    def say(self, count: int) -> None:
        """The engine has scored the next `count` windows and they were written."""
        for _ in range(min(count, len(self.jobs))):
            job = self.jobs.popleft()
            for result in self._tagger.results_of(job.item):
                if not isinstance(result, WindowTags):
                    self._topics.tags.append(result.as_json())
                    self._topics.tag_ids.append(result.id)
                elif not job.ticket.known:
                    self._written[job.ticket] = len(self._topics.windows)
                    self._topics.windows.append(parse_window(json_line(result).encode()))
            self.said.append(job)

    def acknowledge(self, order: Sequence[float]) -> None:
        """As many writes as `order` is long are acknowledged, the oldest ones, in the order of its numbers."""
        for _, job in sorted(zip(order, list(self.said), strict=False), key=lambda pair: pair[0]):
            if isinstance(job.item, ScoredWindow):
                self.point.logged(job.ticket, job.item.window.end_s, self._written.get(job.ticket, -1))
            job.ticket.done = True
            self.said.remove(job)

    def commit(self) -> None:
        """Tell the group."""
        committed = self.point.committable
        bookmark = self.point.bookmark(committed, self.runs.by_stream.values())
        assert self._topics.commit is None or committed >= self._topics.commit[0]
        self._topics.commit = (committed, bookmark.encode())
        self.point.has_committed(committed, self.runs.by_stream.values())

    def _close_idle(self, offset: int) -> None:
        for run in list(self.runs.by_stream.values()):
            if run.last_offset < self._idle[offset]:
                self._queue(self.runs.end(run.windower.stream), offset, idle=True)

    def _queue(self, events: Sequence[Event], offset: int, idle: bool = False) -> None:
        for event in events:
            if isinstance(event.item, Stale):
                self._topics.stale.append(offset)
            if isinstance(event.item, Window | StreamEnd):
                self.jobs.append(self._job(event, event.item, offset, idle))

    def _job(self, event: Event, item: Window | StreamEnd, offset: int, idle: bool) -> Job:
        if isinstance(item, StreamEnd):
            return Job(self.point.close(event, offset, idle), item)
        assert item.origin is not None
        ticket = self.point.watermark.issue(Ticket(offset, event.run, event.needed_offset, item.origin.first_offset))
        return Job(ticket, self._scored_window(item, ticket))

    def _scored_window(self, window: Window, ticket: Ticket) -> ScoredWindow:
        logged = self._known.pop((window.stream, window.epoch, window.index), None)
        known = None if logged is None else as_scored(window, logged.result, self._roster)
        if logged is not None and known is not None:
            ticket.known, ticket.log_offset = True, logged.log_offset
            return known
        self._topics.heard.setdefault(f"{window.stream}/{window.epoch}/{window.index}", []).append(checksum(window))
        rng = np.random.default_rng(checksum(window))
        return ScoredWindow(window, rng.uniform(0.0, 1.0, N_SCORES).astype(np.float32), self._roster)


def checksum(window: Window) -> int:
    """Stands for the window's audio."""
    return zlib.crc32(b"".join(block.audio or b"" for block in window.blocks))


def seconds(record: AudioRecord | EndRecord) -> float:
    """How much audio a record holds."""
    if isinstance(record, EndRecord):
        return 0.0
    return record.format.seconds(len(record.audio) // record.format.frame_bytes)

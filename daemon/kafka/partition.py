"""One partition that this process owns: records in, windows to the engine, results out, and what may be committed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from daemon.cuts import Loss, Missing, Window
from daemon.engine import Done, Item, Job, window_of
from daemon.errors import BadRecord
from daemon.kafka.bookmark import Bookmark
from daemon.kafka.commit_point import CommitPoint
from daemon.kafka.dead_letter import fitting
from daemon.kafka.in_flight import InFlight
from daemon.kafka.input_record import AudioRecord, EndRecord, InputRecord
from daemon.kafka.known_scores import as_scored
from daemon.kafka.open_runs import Event, OpenRuns, Stale
from daemon.kafka.output_record import (
    OutputRecord,
    dead_letter_record,
    tags_record,
    tombstone_record,
    window_record,
)
from daemon.kafka.parcel import Parcel, Terms, Writer
from daemon.kafka.resume import Plan, Rebuild, Resumed
from daemon.kafka.watermark import Ticket
from daemon.messages import StreamEnd, WindowTags
from daemon.pipeline import Pipeline
from daemon.scoring import ScoredWindow
from daemon.tagging import LogPartition, Tagger

HANDED_OVER = "handed_over"
SMOOTHING = 0.01  # some hundred records


class OwnedPartition:
    """The lane of one partition's windows. Everything here runs on the event loop."""

    def __init__(self, log: LogPartition, plan: Plan, pipeline: Pipeline, terms: Terms, writer: Writer) -> None:
        self.log = log
        self._pipeline, self._terms, self._writer = pipeline, terms, writer
        self.runs = OpenRuns(pipeline.rules.grid_for, plan.bookmark.runs)
        self._tagger = Tagger(pipeline.rules, lambda: pipeline.engine.roster, log)
        self.start = plan.committed
        self.next_read = plan.bookmark.audio  # the record that is to come next, silent ones included
        self.point = CommitPoint(plan, terms.horizon_s)
        self._rebuild: Rebuild | None = Rebuild(plan, self.runs)
        self._resumed = Resumed()
        self._newest_s = 0.0  # the newest time that the records have told
        self._handing_on_s = 0.0
        self.lost = False
        self.fenced = False  # another owner writes for it
        self.broken = False  # its results cannot be written any more: to be taken over anew
        self.stopping = False  # takes no more records
        self.in_hand = False  # records of it have come, and were not all taken yet
        self.in_flight = InFlight()  # with the engine or the writer
        self.mean_record_s = 0.0  # of audio, smoothed

    @property
    def rebuilding(self) -> bool:
        """Whether records before the committed offset are still being read."""
        return self._rebuild is not None

    @property
    def pending_s(self) -> float:
        """Received seconds that are not with the engine yet, nor lost."""
        pending = sum(run.windower.format.seconds(run.windower.pending_frames) for run in self.runs.by_stream.values())
        return pending + self._handing_on_s + (self._rebuild.held_s if self._rebuild else 0.0)

    def replay(self, record: AudioRecord | EndRecord, offset: int) -> None:
        """Take a record from before the committed offset: nothing is scored or said."""
        assert self._rebuild is not None
        ledger = self._pipeline.ledger
        ledger.receive(_seconds(record))
        self._pipeline.metrics.replayed_records.inc()
        given_up_s = self._rebuild.read(record, offset)
        if given_up_s:
            ledger.drop("replayed", given_up_s)
        self._heard(record)

    def finish_rebuild(self) -> None:
        """From here on records are this owner's."""
        assert self._rebuild is not None
        self._resumed, given_up_s = self._rebuild.finish()
        self.point.expect(self._resumed.known)
        self._rebuild = None
        if given_up_s:
            self._pipeline.ledger.drop("replayed", given_up_s)
        for open_run in self.runs.by_stream.values():
            if not open_run.heard_at_s:  # a counted one, which was put together only now
                open_run.heard_at_s, open_run.heard_in_s = time.monotonic(), self._newest_s
        for (stream, epoch), history in self._resumed.history.items():
            run = self.runs.by_stream.get(stream)
            if run is not None and run.windower.epoch == epoch:
                self._tagger.restore(stream, epoch, [logged.result for logged in history])
        self._resumed.history.clear()

    async def take(self, record: AudioRecord | EndRecord, offset: int) -> None:
        """Work on a record; waits while the engine is full. BadRecord when it fits no run (then nothing was done)."""
        ledger = self._pipeline.ledger
        events = self.runs.ended(record) if isinstance(record, EndRecord) else self.runs.audio(record, offset)
        ledger.receive(_seconds(record))
        self.point.watermark.read(offset)
        self._heard(record)
        trace = record.traceparent if isinstance(record, AudioRecord) else None
        jobs = self._jobs_of(events, offset, traceparent=trace)
        if isinstance(record, EndRecord) and record.deleted:
            await self._forget(record.stream, jobs, offset)
        await self._hand_on(jobs)

    async def refuse(self, record: InputRecord, error: BadRecord) -> None:
        """Put a record that cannot be used aside; it never stops the partition."""
        self.point.watermark.read(record.offset)
        ticket = self.point.watermark.issue(Ticket(record.offset))
        self._pipeline.metrics.dead_letters.labels(error.reason.value).inc()
        self.next_read = record.offset + 1
        await self._write(Parcel(ticket, [fitting(dead_letter_record(record, error, self._terms.topics))]))

    def skip_to(self, offset: int) -> None:
        """Leave out what lies before `offset`: every stream is joined again behind it."""
        self._pipeline.ledger.drop("skipped", self.pending_s - self._handing_on_s)
        self.next_read = offset
        self.runs.by_stream.clear()
        self.point.watermark.read(offset - 1)

    async def close_idle(self, now_s: float, caught_up: bool, known_since_s: float) -> int:
        """End the runs whose producers have left; how many. Times of the monotonic clock.

        known_since_s: since when the brokers have told the partition's end: before, producers had none to send to.
        """
        if self.rebuilding or self.lost:
            return 0
        committable, idle_s = self.point.committable, self._terms.idle_s
        idle = [
            run
            for run in self.runs.by_stream.values()
            if run.last_offset < committable
            and (
                (caught_up and now_s - max(run.heard_at_s, known_since_s) > idle_s)
                or self._newest_s - run.heard_in_s > idle_s
            )
        ]
        for run in idle:
            jobs = self._jobs_of(self.runs.end(run.windower.stream), self.point.next_offset - 1, idle=True)
            await self._hand_on(jobs)
        return len(idle)

    async def deliver(self, done: Sequence[Done]) -> None:
        """The engine's results, in order: say them, unless the partition is another's by now."""
        for job in done:
            scored = job.item if isinstance(job.item, ScoredWindow) else None
            ticket = job.ticket
            assert isinstance(ticket, Ticket)
            if self.lost:
                self.give_up(Parcel(ticket, [], scored))
                self.in_flight.end()
                continue
            records: list[OutputRecord] = []
            for result in self._tagger.results_of(job.item):
                if not isinstance(result, WindowTags):
                    records.append(tags_record(result, self._terms.topics))
                elif not ticket.known:
                    records.append(window_record(result, self._terms.topics))
            if ticket.forget and isinstance(job.item, StreamEnd):
                records.append(tombstone_record(job.item.stream, self._terms.topics))
            await self._writer.write(self, Parcel(ticket, records, scored))

    def logged(self, parcel: Parcel, first_offset: int) -> None:
        """The parcel's first record stands in its topic at `first_offset` (negative: the broker would not say)."""
        if parcel.scored is not None:
            self.point.logged(parcel.ticket, parcel.scored.window.end_s, first_offset)

    def done(self, parcel: Parcel) -> None:
        """Nothing is left to do for the parcel's record but to commit it."""
        parcel.ticket.done = True
        self.in_flight.end()

    def settled(self, parcel: Parcel) -> None:
        """The broker has the parcel for good."""
        if parcel.scored is not None:
            self._pipeline.accounts.published(parcel.scored)

    def give_up(self, parcel: Parcel) -> None:
        """The parcel is the next owner's to publish."""
        if parcel.scored is not None:
            self._pipeline.accounts.given_up(parcel.scored, HANDED_OVER)

    def bookmark(self, committed: int) -> Bookmark:
        """What goes with a commit of `committed`."""
        return self.point.bookmark(committed, self.runs.by_stream.values())

    def has_committed(self, committed: int) -> None:
        """The group knows that all below `committed` is done."""
        self.point.has_committed(committed, self.runs.by_stream.values())

    def let_go(self) -> None:
        """The partition is another's: what waits is his."""
        self.lost = True
        self._pipeline.ledger.drop(HANDED_OVER, self.pending_s - self._handing_on_s)
        self.runs.by_stream.clear()
        self._rebuild = None

    def _heard(self, record: AudioRecord | EndRecord) -> None:
        self.mean_record_s += (_seconds(record) - self.mean_record_s) * (SMOOTHING if self.mean_record_s else 1.0)
        if isinstance(record, AudioRecord):
            self._newest_s = max(self._newest_s, record.captured_at_s)
            run = self.runs.by_stream.get(record.stream)
            if run is not None:
                run.heard_at_s, run.heard_in_s = time.monotonic(), self._newest_s

    def _jobs_of(
        self, events: Sequence[Event], offset: int, idle: bool = False, traceparent: str | None = None
    ) -> list[Job]:
        """Book what is lost or missing; a ticket and a job for the rest; no commit may come between."""
        jobs = []
        ledger = self._pipeline.ledger
        for event in events:
            item, rate_hz = event.item, event.run.windower.format.sample_rate_hz
            match item:
                case Loss():
                    ledger.lose(item, rate_hz)
                case Missing():
                    ledger.miss(item, rate_hz)
                case Stale():
                    ledger.drop("stale_epoch", item.seconds)
                case StreamEnd():
                    jobs.append(Job(self, item, self, self.point.close(event, offset, idle)))
                case Window():
                    jobs.append(self._window_job(item, event, offset, traceparent))
                    self._handing_on_s += item.fresh_s
        return jobs

    def _window_job(self, window: Window, event: Event, offset: int, traceparent: str | None) -> Job:
        assert window.origin is not None
        ticket = self.point.watermark.issue(Ticket(offset, event.run, event.needed_offset, window.origin.first_offset))
        item: Item = window
        logged = self._resumed.known.pop((window.stream, window.epoch, window.index), None)
        if logged is not None:
            scored = as_scored(window, logged.result, self._pipeline.engine.roster)
            if scored is not None:
                item, ticket.known, ticket.log_offset = scored, True, logged.log_offset
        return Job(self, item, self, ticket, traceparent)

    async def _hand_on(self, jobs: Sequence[Job]) -> None:
        left = deque(jobs)
        try:
            while left and not self.lost:
                window = window_of(left[0].item)
                await self._pipeline.engine.submit(left[0])
                self.in_flight.begin()
                left.popleft()
                self._handing_on_s -= 0.0 if window is None else window.fresh_s
        finally:  # cancelled, or the partition was lost: they are the next owner's
            given_up_s = sum(window.fresh_s for job in left if (window := window_of(job.item)) is not None)
            if given_up_s:
                self._handing_on_s -= given_up_s
                self._pipeline.ledger.drop(HANDED_OVER, given_up_s)

    async def _forget(self, stream: str, jobs: Sequence[Job], offset: int) -> None:
        """Let the tags topic forget the stream, behind its last word if it has one to say."""
        if jobs:
            ticket = jobs[-1].ticket
            assert isinstance(ticket, Ticket)
            ticket.forget = True
        else:
            tombstone = tombstone_record(stream, self._terms.topics)
            await self._write(Parcel(self.point.watermark.issue(Ticket(offset)), [tombstone]))

    async def _write(self, parcel: Parcel) -> None:
        """Write what the engine has no part in."""
        self.in_flight.begin()
        await self._writer.write(self, parcel)


def _seconds(record: AudioRecord | EndRecord) -> float:
    if isinstance(record, EndRecord):
        return 0.0
    return record.format.seconds(len(record.audio) // record.format.frame_bytes)

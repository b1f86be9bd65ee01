"""A consumer group over days: crashes, upgrades, lost nodes, brokers and zones, and the rebalances that follow. Pure.

Discrete events, between which partitions flow (`scale_fluid`). Nothing here looks at a clock; a seed decides all.

A rebalance of the eager protocol: each member hears of it at its next heartbeat, finishes, commits, and stops; the
coordinator waits for all, the dead too until their session is over; the leader deals out; everybody takes over anew.
"""

from __future__ import annotations

import heapq

import numpy as np

from daemon.bench.scale_fluid import Flags, Partitions
from daemon.bench.scale_group import deal, limits
from daemon.bench.scale_latency import Floats
from daemon.bench.scale_measured import Assumed, Measured
from daemon.bench.scale_scenario import Event, Kind, Outcome, Scenario

DAY_S = 86_400.0
ZONES = 3
UPGRADE_SHARE = 0.02  # of a group at a time
UPGRADE_PAUSE_S = 10.0  # between two batches of an upgrade, when the group is settled


class Group:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, measured: Measured, assumed: Assumed, seed: int) -> None:
        self._scenario, self._measured, self._assumed = scenario, measured, assumed
        self._rng = np.random.default_rng(seed)
        each = round(assumed.partitions_per_worker)
        count = scenario.workers * each
        mean = scenario.streams_per_worker / each
        streams = self._rng.poisson(mean, count).astype(float) if scenario.spread else np.full(count, mean)
        owner = np.arange(count, dtype=np.int64) % scenario.workers
        self.partitions = Partitions(
            streams, owner, scenario.workers, scenario.capacity, assumed.hop_s, 3600 * assumed.audio_retention_h
        )
        self._alive = np.ones(scenario.workers, dtype=bool)  # its process runs
        self._member = np.ones(scenario.workers, dtype=bool)  # the coordinator counts on it
        self._ghost_until_s = np.full(scenario.workers, -np.inf)  # an older membership of it, whose process is gone
        self._stopped_s = np.full(count, np.nan)  # since when the partition has had no results
        self._outage_s = np.full((2, count), -np.inf)  # beginning and end of its last outage
        self._events: list[Event] = []
        self._numbers = 0
        self._rebalancing_s = self._settled_s = 0.0
        self._rebalancing = False
        self.outcome = Outcome()

    def schedule(
        self, at_s: float, kind: Kind, workers: tuple[int, ...] = (), back_after_s: float = 0.0, share: float = 0.0
    ) -> None:
        """Something will happen at `at_s`, on top of what befalls the group anyway."""
        self._numbers += 1
        heapq.heappush(self._events, Event(at_s, self._numbers, kind, workers, back_after_s, share))

    def run(self) -> Outcome:
        """All days."""
        end_s = self._scenario.days * DAY_S
        self._plan(end_s)
        while self._events and self._events[0].at_s < end_s and self.outcome.settled:
            event = heapq.heappop(self._events)
            if self._apply(event):
                self._rebalance(event.at_s)
        self._flow(np.full(len(self._stopped_s), end_s))
        still = np.full(len(self._stopped_s), end_s)
        self.partitions.stand_still(still, self.partitions.now_s < end_s)
        self._note_outages(still)
        self.outcome.latencies, self.outcome.windows_lost = self.partitions.latencies, self.partitions.windows_lost
        self.outcome.windows_in, self.outcome.backlog = self.partitions.windows_in, self.partitions.backlog
        self.outcome.longest_lag_s = self.partitions.longest_lag_s
        self.outcome.rebalancing_share = min(1.0, self._rebalancing_s / end_s)
        return self.outcome

    def _plan(self, end_s: float) -> None:
        scenario, assumed = self._scenario, self._assumed
        if scenario.failures:
            for at_s in self._times(scenario.workers / assumed.worker_mtbf_d, end_s):
                self.schedule(at_s, Kind.DOWN, (int(self._rng.integers(scenario.workers)),), assumed.worker_restart_s)
            size = min(round(assumed.workers_per_node), -(-scenario.workers // ZONES))  # on three nodes at least
            nodes = -(-scenario.workers // size)
            for at_s in self._times(nodes / assumed.node_mtbf_d, end_s):
                first = int(self._rng.integers(nodes)) * size
                lost = tuple(range(first, min(first + size, scenario.workers)))
                self.schedule(at_s, Kind.DOWN, lost, assumed.node_replace_s)
            for at_s in self._times(scenario.brokers / assumed.broker_mtbf_d, end_s):
                self.schedule(at_s, Kind.BROKER, share=1 / scenario.brokers)
        if scenario.zone_loss:
            lost = tuple(range(0, scenario.workers, ZONES))
            self.schedule(end_s / 2, Kind.DOWN, lost, assumed.node_replace_s)
            self.schedule(end_s / 2, Kind.BROKER, share=1 / ZONES)
        if scenario.upgrades:
            for at_s in np.arange(DAY_S / 4, end_s, assumed.upgrade_every_d * DAY_S):
                self.schedule(float(at_s), Kind.UPGRADE, tuple(range(scenario.workers)))

    def _times(self, per_day: float, end_s: float) -> list[float]:
        count = int(self._rng.poisson(per_day * end_s / DAY_S))
        return [float(at_s) for at_s in self._rng.uniform(0, end_s, count)]

    def _apply(self, event: Event) -> bool:
        """Let it happen; whether the group must be dealt out anew."""
        match event.kind:
            case Kind.DOWN:
                return self._down(event, crashed=True)
            case Kind.UPGRADE:
                return self._upgrade(event)
            case Kind.BACK:
                return self._back(event)
            case Kind.EXPIRED:
                return self._expired(event)
            case Kind.BROKER:
                self._broker(event)
                return False

    def _down(self, event: Event, crashed: bool) -> bool:
        workers = np.array([worker for worker in event.workers if self._alive[worker]], dtype=np.int64)
        if not len(workers):
            return False
        self._flow(np.full(len(self._stopped_s), event.at_s))
        self._alive[workers] = False
        theirs = np.isin(self.partitions.owner, workers)
        self._stop(theirs, np.full(len(theirs), event.at_s))
        down = tuple(int(worker) for worker in workers)
        self.schedule(event.at_s + event.back_after_s, Kind.BACK, down)
        self.outcome.downs += len(down)
        if crashed:
            since_commit_s = self._rng.uniform(0, self._assumed.commit_interval_s)
            streams = float(self.partitions.streams[theirs].sum())
            self.outcome.tags_repeated += streams * since_commit_s / self._assumed.hop_s
        if not crashed and not self._scenario.static:
            self._member[workers] = False  # they have left
            return True
        expires_s = event.at_s + self._assumed.session_timeout_s
        self._ghost_until_s[workers] = expires_s
        self.schedule(expires_s, Kind.EXPIRED, down)
        return False

    def _upgrade(self, event: Event) -> bool:
        """The next batch of a rolling upgrade, once the group has settled."""
        if self._settled_s + UPGRADE_PAUSE_S > event.at_s:
            self.schedule(self._settled_s + UPGRADE_PAUSE_S, Kind.UPGRADE, event.workers)
            return False
        size = max(1, round(UPGRADE_SHARE * self._scenario.workers))
        batch, rest = event.workers[:size], event.workers[size:]
        restart_s = self._assumed.worker_restart_s
        if rest:
            self.schedule(event.at_s + restart_s + UPGRADE_PAUSE_S, Kind.UPGRADE, rest)
        return self._down(event._replace(workers=batch, back_after_s=restart_s), crashed=False)

    def _back(self, event: Event) -> bool:
        workers = np.array(event.workers, dtype=np.int64)
        self._alive[workers] = True
        if not self._scenario.static:
            self._member[workers] = True  # by another name; the old one waits for its session's end
            return True
        kept = workers[self._member[workers]]
        self._ghost_until_s[kept] = -np.inf
        if not self._rebalancing:
            theirs = np.isin(self.partitions.owner, kept)
            resume_s = self._resumption_s(event.at_s)
            self.partitions.stand_still(resume_s, theirs)
            self._note_outages(np.where(theirs, resume_s, np.nan))
        joining = workers[~self._member[workers]]
        self._member[joining] = True
        return len(joining) > 0

    def _expired(self, event: Event) -> bool:
        """Sessions are over of processes that are gone, if they have not come back by their lasting name."""
        workers = np.array(event.workers, dtype=np.int64)
        gone = workers[self._ghost_until_s[workers] == event.at_s]
        self._ghost_until_s[gone] = -np.inf
        dead = gone[~self._alive[gone]]
        self._member[dead] = False
        return len(gone) > 0

    def _broker(self, event: Event) -> None:
        """The partitions of a lost broker stand still until others lead them; the workers go on with the rest."""
        self._flow(np.full(len(self._stopped_s), event.at_s))
        blocked = self._rng.random(len(self._stopped_s)) < event.share
        blocked &= self._running() & (self.partitions.now_s <= event.at_s)
        resume_s = np.full(len(blocked), event.at_s + self._assumed.broker_failover_s)
        self.partitions.flow(resume_s, self._running() & ~blocked & (self.partitions.now_s <= event.at_s))
        self.partitions.stand_still(resume_s, blocked)
        self._stop(blocked, np.full(len(blocked), event.at_s))
        self._note_outages(np.where(blocked, resume_s, np.nan))

    def _stop(self, which: Flags, at_s: Floats) -> None:
        """No more results from `at_s` on; an outage that is not over yet goes on."""
        began_s, ended_s = self._outage_s
        stopping = which & np.isnan(self._stopped_s)
        self._stopped_s[stopping] = np.where(at_s < ended_s, began_s, at_s)[stopping]

    def _running(self) -> Flags:
        """Partitions whose worker is at work."""
        running: Flags = self._alive[self.partitions.owner] & np.isnan(self._stopped_s)
        return running

    def _flow(self, until_s: Floats) -> None:
        self.partitions.flow(until_s, self._running())

    def _rebalance(self, at_s: float) -> None:
        """The group is dealt out anew; what happens before all have joined is dealt with in the same round."""
        assumed, count = self._assumed, self._scenario.workers
        hear_s = at_s + self._rng.uniform(0, assumed.heartbeat_interval_s, count)
        hear_at_s = hear_s[self.partitions.owner]
        self._flow(hear_at_s)
        self._stop(self._running(), hear_at_s)
        self._rebalancing = True
        joined_s = self._joined_s(at_s, hear_s)
        while self._events and self._events[0].at_s <= joined_s:
            event = heapq.heappop(self._events)
            self._apply(event)
            joined_s = max(event.at_s, self._joined_s(at_s, hear_s))
        self._rebalancing = False
        self._ghost_until_s[:] = -np.inf
        self._member = self._alive.copy()
        if not self._member.any():
            return  # who comes back first begins anew
        found = limits(self._measured, assumed, int(self._member.sum()), len(self._stopped_s))
        self.outcome.rebalances += 1
        if not found.settles:
            self.outcome.settled = False
            self._rebalancing_s += self._scenario.days * DAY_S - at_s
            return
        self._settled_s = joined_s + found.assign_s + assumed.sync_s
        self._rebalancing_s += self._settled_s - at_s
        self.partitions.owner = deal(self.partitions.owner, self._member)
        resume_s = self._resumption_s(self._settled_s)
        self.partitions.stand_still(resume_s, np.ones(len(resume_s), dtype=bool))
        self._note_outages(np.maximum(resume_s, self.partitions.now_s))

    def _joined_s(self, at_s: float, hear_s: Floats) -> float:
        """When the coordinator has heard from all members; it waits for the dead, but no longer than a session."""
        here = self._alive & self._member
        living_s = float(hear_s[here].max(initial=at_s)) + self._assumed.hand_over_s
        dead_s = min(float(self._ghost_until_s.max()), at_s + self._assumed.session_timeout_s)
        return max(living_s, dead_s)

    def _resumption_s(self, dealt_s: float) -> Floats:
        """For each partition, when its worker, which began with the take-over at `dealt_s`, has its first results."""
        partitions, scenario = self.partitions, self._scenario
        streams = np.bincount(partitions.owner, weights=partitions.streams, minlength=scenario.workers)
        reading_s = float(streams.sum()) * scenario.replay_bytes_per_stream / scenario.replay_bytes_per_s
        each_s = np.maximum(streams * self._measured.take_over_ms_per_stream / 1000, reading_s)
        resumption: Floats = (dealt_s + self._measured.take_over_s + each_s)[partitions.owner]
        return resumption

    def _note_outages(self, resume_s: Floats) -> None:
        """Partitions with a `resume_s` (others: NaN) that had stopped have results again from then on."""
        over = ~np.isnan(resume_s) & ~np.isnan(self._stopped_s)
        self._outage_s[0, over], self._outage_s[1, over] = self._stopped_s[over], resume_s[over]
        longest_s = float((resume_s - self._stopped_s)[over].max(initial=0.0))
        self.outcome.longest_outage_s = max(self.outcome.longest_outage_s, longest_s)
        self._stopped_s[over] = np.nan


def simulate(scenario: Scenario, measured: Measured, assumed: Assumed, seed: int, groups: int = 1) -> Outcome:
    """`groups` groups alike, each with a fate of its own, as one outcome."""
    total = Outcome(groups=groups)
    for number in range(groups):
        one = Group(scenario, measured, assumed, seed + number).run()
        total.latencies.merge(one.latencies)
        total.windows_in += one.windows_in
        total.backlog += one.backlog
        total.windows_lost += one.windows_lost
        total.tags_repeated += one.tags_repeated
        total.rebalances += one.rebalances
        total.downs += one.downs
        total.rebalancing_share += one.rebalancing_share / groups
        total.longest_outage_s = max(total.longest_outage_s, one.longest_outage_s)
        total.longest_lag_s = max(total.longest_lag_s, one.longest_lag_s)
        total.settled &= one.settled
    return total

"""The engine: several workers, flows in order, one change of models at a clean boundary, failures heard."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from daemon.batcher import BatchLimits
from daemon.cuts import HopBlock, Window
from daemon.engine import Crew, Done, Engine, Job
from daemon.inference import Scores
from daemon.messages import ModelId, StreamEnd
from daemon.metrics import Metrics
from daemon.roster import Roster, Voice
from daemon.scoring import FinishedBatch, ScoredWindow
from tests.strategies import FORMAT, GRID

LIMIT_S = 20.0


def in_a_loop(test: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


def roster(name: str) -> Roster:
    """Of one model with one label."""
    return Roster((Voice(ModelId(name, "1", name * 64), ("x",), (0,), ("x",), (0,)),), 1)


@dataclass
class Numbers:
    """A scorer that says a window's number; it can be held, and fails where it is told to."""

    may_go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    fails_at: int | None = None
    depth: int = 1
    waiting: int = 0
    most_waiting: int = 0

    def begin(self, windows: Sequence[Window]) -> Numbers.Later:
        """Take the batch."""
        self.begun.set()
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        return Numbers.Later(self, windows)

    @dataclass
    class Later:
        """A batch under way."""

        scorer: Numbers
        windows: Sequence[Window]

        def scores(self) -> list[Scores | None]:
            """The numbers; every seventh window is silent."""
            assert self.scorer.may_go.wait(LIMIT_S)
            self.scorer.waiting -= 1
            if any(window.index == self.scorer.fails_at for window in self.windows):
                raise RuntimeError("broken")
            found: list[Scores | None] = [
                None if window.index % 7 == 6 else np.array([window.index], np.float32) for window in self.windows
            ]
            return FinishedBatch(found).scores()


def going(**settings: object) -> Numbers:
    """One that is not held."""
    scorer = Numbers(**settings)  # type: ignore[arg-type]
    scorer.may_go.set()
    return scorer


def window(stream: str, index: int) -> Window:
    """A window of a block nobody shares."""
    return Window(stream, "e", index, GRID, FORMAT, (HopBlock(index, b""),), 50, 0, 0.0)


class Collector:
    """A lane that remembers, and lets the windows go."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.done: list[Done] = []
        self._more = asyncio.Condition()

    async def deliver(self, done: Sequence[Done]) -> None:
        """Remember them."""
        self.done += done
        for each in done:
            if isinstance(each.item, ScoredWindow):
                self.engine.release(each.item.window)
        async with self._more:
            self._more.notify_all()

    async def until(self, stream: str, count: int) -> None:
        """Wait for so many windows of a stream."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.tickets(stream)) >= count)

    def tickets(self, stream: str) -> list[object]:
        """Of the windows of a stream, as they came."""
        scored = [(done.item, done.ticket) for done in self.done if isinstance(done.item, ScoredWindow)]
        return [ticket for item, ticket in scored if item.window.stream == stream]


async def collect(engine: Engine, lane: Collector) -> None:
    """Deliver until the engine is closed."""
    async for batch in engine.results():
        await lane.deliver(batch)


def engine_of(scorers: Sequence[Numbers], limits: BatchLimits, capacity: int = 16) -> Engine:
    """An engine around them."""
    return Engine(Crew(roster("a"), tuple(scorers), limits), capacity, Metrics(CollectorRegistry()))


@given(
    lengths=st.lists(st.integers(0, 15), min_size=1, max_size=5),
    workers=st.integers(1, 3),
    max_windows=st.integers(1, 4),
    depth=st.integers(1, 3),
    capacity=st.integers(1, 20),
)
def test_every_job_comes_back_once_and_each_flow_in_order(
    lengths: list[int], workers: int, max_windows: int, depth: int, capacity: int
) -> None:
    async def run() -> list[Done]:
        scorers = [going(depth=depth) for _ in range(workers)]
        engine = engine_of(scorers, BatchLimits(max_windows, 0.0), capacity)
        lane = Collector(engine)
        engine.start()
        collecting = asyncio.create_task(collect(engine, lane))
        async with asyncio.timeout(LIMIT_S):
            for number in range(max(lengths)):
                for flow, length in enumerate(lengths):
                    if number < length:
                        await engine.submit(Job(lane, window(str(flow), number), flow, number))
                    elif number == length:
                        await engine.submit(Job(lane, StreamEnd(str(flow), "e"), flow, "end"))
            engine.close()
            await collecting
            assert await asyncio.to_thread(engine.join, LIMIT_S)
        assert all(scorer.most_waiting <= depth for scorer in scorers)
        assert (engine.in_flight, engine.in_flight_s) == (0, pytest.approx(0))
        return lane.done

    came: defaultdict[int, list[object]] = defaultdict(list)
    for done in asyncio.run(run()):
        if isinstance(done.item, ScoredWindow):
            silent = done.item.window.index % 7 == 6
            assert (done.item.scores is None) == silent
            assert silent or done.item.scores == [done.item.window.index]
            assert done.item.window.index == done.ticket
            came[int(done.item.window.stream)].append(done.ticket)
        else:
            came[int(done.item.stream)].append(done.ticket)
    last = max(lengths)
    for flow, length in enumerate(lengths):
        assert came[flow] == [*range(length), *(["end"] if length < last else [])]


@in_a_loop
async def test_a_slow_worker_holds_up_its_own_flow_only() -> None:
    held, free = Numbers(), going()
    engine = engine_of([held, free], BatchLimits(1, 0.0), capacity=100_000)
    lane = Collector(engine)
    engine.start()
    collecting = asyncio.create_task(collect(engine, lane))
    async with asyncio.timeout(LIMIT_S):
        number = 0
        while not held.begun.is_set():  # whichever worker comes first takes it
            await engine.submit(Job(lane, window("slow", number), "slow", number))
            number += 1
            await asyncio.sleep(0)
        for other in range(5):
            await engine.submit(Job(lane, window("quick", other), "quick", other))
        await lane.until("quick", 5)
        assert engine.stuck_s() > 0
        held.may_go.set()
        engine.close()
        await collecting
    assert lane.tickets("slow") == list(range(number))
    assert engine.stuck_s() == 0


@in_a_loop
async def test_new_models_score_from_the_next_batch_on() -> None:
    old, new = Numbers(), going()
    engine = engine_of([old], BatchLimits(2, 0.0))
    lane = Collector(engine)
    engine.start()
    collecting = asyncio.create_task(collect(engine, lane))
    async with asyncio.timeout(LIMIT_S):
        for number in range(6):
            await engine.submit(Job(lane, window("s", number), "s", number))
        await asyncio.to_thread(old.begun.wait, LIMIT_S)
        engine.serve(Crew(roster("b"), (new,), BatchLimits(2, 0.0)))
        assert engine.roster.main.model.name == "b"
        old.may_go.set()
        engine.close()
        await collecting
    said = [done.item.roster.main.model.name for done in lane.done if isinstance(done.item, ScoredWindow)]
    taken = said.count("a")
    assert 1 <= taken <= 2
    assert said == ["a"] * taken + ["b"] * (6 - taken)
    with pytest.raises(ValueError, match="2 scorers for 1 workers"):
        engine.serve(Crew(roster("b"), (new, new), BatchLimits(2, 0.0)))


@in_a_loop
async def test_what_a_worker_dies_of_is_raised() -> None:
    engine = engine_of([going(fails_at=2), going(fails_at=2)], BatchLimits(1, 0.0))
    lane = Collector(engine)
    engine.start()
    for number in range(4):
        await engine.submit(Job(lane, window("s", number), "s", number))
    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(LIMIT_S):
            await collect(engine, lane)
    engine.close()
    assert await asyncio.to_thread(engine.join, LIMIT_S)
    assert not engine.alive


@in_a_loop
async def test_submit_waits_while_the_engine_is_full() -> None:
    scorer = Numbers()
    engine = engine_of([scorer], BatchLimits(1, 0.0), capacity=2)
    lane = Collector(engine)
    engine.start()
    for number in range(2):
        await engine.submit(Job(lane, window("s", number), "s", number))
    third = asyncio.create_task(engine.submit(Job(lane, window("s", 2), "s", 2)))
    done, _ = await asyncio.wait({third}, timeout=0.05)
    assert not done
    await engine.submit(Job(lane, StreamEnd("s", "e"), "s", "end"))  # an end needs no room
    scorer.may_go.set()
    collecting = asyncio.create_task(collect(engine, lane))
    async with asyncio.timeout(LIMIT_S):
        await third
        engine.close()
        await collecting
    assert [each.ticket for each in lane.done] == [0, 1, "end", 2]

"""The engine's queue: order within a flow, turns between flows, chains, closing."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from daemon.batcher import Batcher, BatchLimits
from daemon.cuts import HopBlock, Window
from tests.strategies import FORMAT, GRID

ONE = BatchLimits(1, 0.0)
LIMIT_S = 10.0


@dataclass(frozen=True, eq=False)
class Item:
    """Something queued: a window, or an end without one."""

    flow: str
    number: int
    fresh_window: Window | None


def stream(flow: str, count: int, first: int = 0) -> list[Item]:
    """Consecutive windows of one stream, each sharing a block with the next."""
    blocks = [HopBlock(index, b"") for index in range(first, first + count + 1)]
    return [
        Item(flow, first + k, Window(flow, "e", first + k, GRID, FORMAT, (blocks[k], blocks[k + 1]), 1, 0, 0.0))
        for k in range(count)
    ]


def names(items: list[Item] | None) -> list[str]:
    """flow and number of each."""
    return [f"{item.flow}{item.number}" for item in items or []]


def test_flows_take_turns() -> None:
    batcher: Batcher[Item] = Batcher()
    for item in [*stream("a", 3), *stream("b", 1), *stream("c", 2)]:
        batcher.put(item)
    assert [names(batcher.take(ONE)) for _ in range(6)] == [["a0"], ["b0"], ["c0"], ["a1"], ["c1"], ["a2"]]


def test_a_batch_has_a_window_of_each_flow_first() -> None:
    batcher: Batcher[Item] = Batcher()
    for item in [*stream("a", 3), *stream("b", 2)]:
        batcher.put(item)
    assert names(batcher.take(BatchLimits(4, 0.0))) == ["a0", "b0", "a1", "b1"]


def test_a_chain_is_windows_that_follow_one_another() -> None:
    batcher: Batcher[Item] = Batcher()
    limits = BatchLimits(1, 0.0, chain_windows=3)
    for item in [*stream("a", 4), *stream("a", 2, first=9), *stream("b", 1)]:
        batcher.put(item)
    assert [names(batcher.take(limits)) for _ in range(4)] == [["a0", "a1", "a2"], ["b0"], ["a3"], ["a9", "a10"]]


def test_a_batch_is_a_share_of_what_waits() -> None:
    batcher: Batcher[Item] = Batcher()
    for number in range(9):
        batcher.put(stream(str(number), 1)[0])
    limits = BatchLimits(3, 0.0, share=3)
    assert [len(batcher.take(limits) or []) for _ in range(5)] == [3, 2, 1, 1, 1]
    batcher.put(Item("end", 0, None))  # what is no window counts for none
    assert [names(batcher.take(limits)) for _ in range(2)] == [["80"], ["end0"]]


def test_an_end_goes_with_what_is_before_it() -> None:
    batcher: Batcher[Item] = Batcher()
    for item in [*stream("a", 1), Item("a", 1, None), *stream("a", 1, first=2), Item("b", 0, None)]:
        batcher.put(item)
    assert [names(batcher.take(ONE)) for _ in range(2)] == [["a0", "a1"], ["b0", "a2"]]
    batcher.close()
    assert batcher.take(ONE) is None


def test_closing_gives_what_is_left_then_none() -> None:
    batcher: Batcher[Item] = Batcher()
    for item in stream("a", 2):
        batcher.put(item)
    batcher.close()
    assert [names(batcher.take(BatchLimits(8, 60.0))), batcher.take(ONE)] == [["a0", "a1"], None]


def test_without_waiting_nothing_is_an_empty_batch() -> None:
    batcher: Batcher[Item] = Batcher()
    assert batcher.take(ONE, wait=False) == []


def test_a_batch_closes_when_it_is_full_or_late() -> None:
    open_s: list[float] = []
    batcher: Batcher[Item] = Batcher(open_s.append)
    first, second, third = stream("a", 3)
    batcher.put(first)
    started = time.monotonic()
    assert names(batcher.take(BatchLimits(2, 0.05))) == ["a0"]
    assert time.monotonic() - started >= 0.05
    with ThreadPoolExecutor(1) as pool:
        batcher.put(second)
        waiting = pool.submit(batcher.take, BatchLimits(2, LIMIT_S))
        batcher.put(third)
        assert names(waiting.result(LIMIT_S)) == ["a1", "a2"]
    assert len(open_s) == 2
    assert open_s[0] >= 0.05


@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    limits=st.builds(BatchLimits, st.integers(1, 5), st.just(0.0), st.integers(1, 4), st.integers(1, 4)),
    workers=st.integers(1, 3),
)
def test_everything_comes_once_and_each_flow_in_order(lengths: list[int], limits: BatchLimits, workers: int) -> None:
    batcher: Batcher[Item] = Batcher()
    taken: list[list[Item]] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:  # what is taken first is noted first
                batch = batcher.take(limits)
                if batch is None:
                    return
                taken.append(batch)

    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work) for _ in range(workers)]
        for number in range(max(lengths)):
            for flow, length in enumerate(lengths):
                if number < length:
                    batcher.put(stream(str(flow), 1, first=number)[0])
        batcher.close()
        for worker in running:
            worker.result(LIMIT_S)
    came = defaultdict(list)
    for batch in taken:
        assert 1 <= len(batch) <= limits.max_windows + limits.chain_windows - 1
        for item in batch:
            came[item.flow].append(item.number)
    assert came == {str(flow): list(range(length)) for flow, length in enumerate(lengths) if length}

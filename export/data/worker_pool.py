"""A function over many items in processes of their own; a process that dies takes its item with it, not the work."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_AHEAD: Final = 4  # items a worker that are handed out: memory does not grow with their number


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: the process that worked on the item was killed, or crashed."""


def each(function: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[tuple[T, R | Lost]]:
    """Every item with its result, in the order in which they are done; one worker is this process itself.

    `function` and the items must be picklable. An exception of `function` ends everything.
    """
    if workers <= 1 or len(items) <= 1:
        yield from ((item, function(item)) for item in items)
        return
    rest = list(reversed(items))
    while rest:
        suspects = yield from _until_broken(function, rest, workers)
        while suspects:  # one of them broke the pool: one by one they show which
            yield from _one_by_one(function, suspects)


def _until_broken(
    function: Callable[[T], R], rest: list[T], workers: int
) -> Generator[tuple[T, R | Lost], None, list[T]]:
    """Takes from the end of `rest` until it is empty or a process dies; returns what was under way then."""
    pending: dict[Future[R], T] = {}
    suspects: list[T] = []
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent)
    try:
        while (rest and not suspects) or pending:
            while rest and not suspects and len(pending) < workers * _AHEAD:
                try:
                    pending[pool.submit(function, rest[-1])] = rest[-1]
                except BrokenProcessPool:  # one died while the caller was at work: `pending` shows it, if it had any
                    if not pending:
                        return []
                    break
                rest.pop()
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                item = pending.pop(future)
                try:
                    yield item, future.result()
                except BrokenProcessPool:
                    suspects.append(item)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return suspects


def _end_with_parent() -> None:
    """In a worker: a parent that is killed (-9) would leave it waiting for ever; Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _one_by_one(function: Callable[[T], R], suspects: list[T]) -> Iterator[tuple[T, R | Lost]]:
    """Takes from the end of `suspects` until it is empty, or one has killed the process."""
    with ProcessPoolExecutor(1, get_context("spawn"), _end_with_parent) as pool:
        while suspects:
            item = suspects.pop()
            try:
                yield item, pool.submit(function, item).result()
            except BrokenProcessPool:
                yield item, Lost()
                return

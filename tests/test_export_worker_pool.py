"""Work in processes: every item has its result, and one that kills its process is the only one lost."""

from __future__ import annotations

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import pytest

from export.data.worker_pool import Lost, each
from tests.process import wait_for


def squared(number: int) -> int:
    """Dies, as a decoder would that crashes, on multiples of ten."""
    if number % 10 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def size_of(path: Path) -> int:
    return path.stat().st_size


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_its_result(workers: int) -> None:
    numbers = [n for n in range(60) if n % 10]
    assert dict(each(squared, numbers, workers)) == {n: n * n for n in numbers}


def test_items_that_kill_their_process_are_lost_alone() -> None:
    numbers = list(range(1, 15))
    done = dict(each(squared, numbers, 2))
    assert done == {n: Lost() if n % 10 == 0 else n * n for n in numbers}


def process_of(_: int) -> int:
    return os.getpid()


def test_a_process_that_dies_while_the_caller_is_at_work_loses_nothing() -> None:
    numbers = list(range(100))  # more than are handed out at once
    done = each(process_of, numbers, 2)
    first, victim = next(done)
    assert isinstance(victim, int)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not active_children(), "the end of the pool")
    rest = dict(done)
    assert sorted([first, *rest]) == numbers
    assert not any(isinstance(result, Lost) for result in rest.values())


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_the_callers(tmp_path: Path, workers: int) -> None:
    with pytest.raises(FileNotFoundError):
        list(each(size_of, [tmp_path, tmp_path / "none", tmp_path], workers))
    assert list(each(size_of, [], workers)) == []

"""Work in processes: every item has its result, and one that kills its process is the only one lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from export.data.worker_pool import Lost, each


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


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_the_callers(tmp_path: Path, workers: int) -> None:
    with pytest.raises(FileNotFoundError):
        list(each(size_of, [tmp_path, tmp_path / "none", tmp_path], workers))
    assert list(each(size_of, [], workers)) == []

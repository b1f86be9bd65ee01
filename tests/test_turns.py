"""Who runs beside whom: tests in real time beside their like, ordinary ones beside theirs, never the two kinds."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.turns import turn

LIMIT_S = 20


@pytest.mark.parametrize("realtime", [False, True])
def test_two_of_a_kind_run_side_by_side(tmp_path: Path, realtime: bool) -> None:
    both = threading.Barrier(2)

    def test_of(worker: int) -> int:
        with turn(tmp_path, worker, 2, realtime):
            return both.wait(LIMIT_S)

    with ThreadPoolExecutor() as pool:
        assert sorted(pool.map(test_of, range(2))) == [0, 1]


@pytest.fixture
def _often() -> Iterator[None]:
    """Threads take turns a thousand times as often as they would."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_often")
def test_kinds_never_meet(tmp_path: Path) -> None:
    lock, running, met = threading.Lock(), {False: 0, True: 0}, []

    @contextmanager
    def counted(realtime: bool) -> Iterator[None]:
        with lock:
            running[realtime] += 1
            met.append(running[not realtime])
        try:
            yield
        finally:
            with lock:
                running[realtime] -= 1

    def tests_of(worker: int) -> None:
        for number in range(60):
            realtime = (number // (3 + worker)) % 2 == 1
            with turn(tmp_path, worker, 3, realtime), counted(realtime):
                met.append(running[not realtime])
                sum(range(20_000))  # a while, in which others come and go
                met.append(running[not realtime])

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(tests_of, worker) for worker in range(3)]:
            done.result(LIMIT_S)
    assert set(met) == {0}

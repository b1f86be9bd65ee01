"""Tests in real time have the machine to themselves, whatever the other workers of pytest are at.

A sound server that does not get its turn gives broken audio, which is what such tests would then report. They compute
little and wait much, so they run beside one another (`@pytest.mark.realtime`), and all others beside one another.

Every worker has a file that it locks for itself while it is at an ordinary test. A test in real time holds all of these
together with others of its kind.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


@contextmanager
def _held(path: Path, kind: int) -> Iterator[None]:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, kind)
        yield
    finally:
        os.close(file)


@contextmanager
def turn(folder: Path, worker: int, workers: int, realtime: bool) -> Iterator[None]:
    """Run beside tests of one's own kind; those in real time that wait are let in before others that come later."""
    gate = folder / "gate.lock"
    own = [folder / f"worker-{number}.lock" for number in range(workers)]
    if realtime:
        with ExitStack() as locks:
            for path in (gate, *own):
                locks.enter_context(_held(path, fcntl.LOCK_SH))
            yield
    else:
        with _held(gate, fcntl.LOCK_EX):
            pass
        with _held(own[worker], fcntl.LOCK_EX):
            yield


@pytest.fixture(scope="session")
def turns_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def _own_turn(request: pytest.FixtureRequest, turns_folder: Path) -> Iterator[None]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    with turn(turns_folder, number % workers, workers, request.node.get_closest_marker("realtime") is not None):
        yield

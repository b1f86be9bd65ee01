"""Tests in real time have the machine to themselves, whatever the other workers of pytest are at.

A sound server that does not get its turn gives broken audio, which is what such tests would then report. So they run
alone (`@pytest.mark.realtime`), and all others beside one another.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
def turn(folder: Path, alone: bool) -> Iterator[None]:
    """Run beside others, or `alone`; who waits to be alone is let in before who comes later."""
    gate, machine = folder / "gate.lock", folder / "machine.lock"
    if alone:
        with _held(gate, fcntl.LOCK_EX), _held(machine, fcntl.LOCK_EX):
            yield
    else:
        with _held(gate, fcntl.LOCK_SH):
            pass
        with _held(machine, fcntl.LOCK_SH):
            yield


@pytest.fixture(scope="session")
def turns_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def _own_turn(request: pytest.FixtureRequest, turns_folder: Path) -> Iterator[None]:
    with turn(turns_folder, alone=request.node.get_closest_marker("realtime") is not None):
        yield

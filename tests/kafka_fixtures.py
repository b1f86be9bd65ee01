"""Fixtures of a real Kafka, as a plugin of `conftest.py`: one broker shared by a whole run, and brokers to be hurt."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import select
import shutil
import signal
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.kafka_broker import Broker, Cluster
from tests.kafka_topics import FEEDING, create_topic

BOOTSTRAP = "GENRED_TEST_BOOTSTRAP"  # a broker of the user's own
RUN_FOLDER = "GENRED_TEST_RUN"  # how the processes of one run find its broker
STATE = "shared-broker.json"
TIME_LIMIT_S = 10.0
# A broker is its own controller, which must not think it dead when it hangs, or has to wait for its processor.
PATIENT = {"broker.session.timeout.ms": "60000"}


class MakeTopic(Protocol):
    """Makes a topic on the shared Kafka; its name is new, and told from `what`."""

    def __call__(self, what: str = "audio", partitions: int = 1, config: Mapping[str, str] | None = None) -> str: ...


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that the user started makes the folder; xdist's workers inherit its name."""
    if not _is_worker(config):
        os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="genred-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The same process ends the shared broker, when all workers have gone, however they went."""
    if not _is_worker(config) and RUN_FOLDER in os.environ:
        folder = Path(os.environ.pop(RUN_FOLDER))
        if (folder / STATE).exists():
            _kill(json.loads((folder / STATE).read_text())["pid"])
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka() -> str:
    """The bootstrap servers of a Kafka that all tests share: never stop or pause it, take `broker` for that."""
    if os.environ.get(BOOTSTRAP):
        return os.environ[BOOTSTRAP]
    folder = Path(os.environ[RUN_FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever comes first starts it, the others find it
        if not (folder / STATE).exists():
            broker = Broker(folder / "shared-broker", settings=PATIENT)
            broker.start()
            (folder / STATE).write_text(json.dumps({"bootstrap": broker.bootstrap, "pid": broker.pid}))
        bootstrap: str = json.loads((folder / STATE).read_text())["bootstrap"]
    return bootstrap


@pytest.fixture
def make_topic(kafka: str, request: pytest.FixtureRequest) -> MakeTopic:
    """Topics of this test alone."""

    def make(what: str = "audio", partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        name = f"{what}.{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())[:60]}.{uuid.uuid4().hex[:8]}"
        asyncio.run(create_topic(kafka, name, partitions, config))
        return name

    return make


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test alone, to be killed, paused and started again."""
    with Broker(tmp_path / "kafka") as own:
        yield own


@pytest.fixture
def hanging_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test alone, to hang for long, and not to be thought dead.

    Else every partition is without a leader for a moment when it comes back, and a transaction that ends in it is never
    told to its partitions: Kafka takes them for deleted (docs/kafka.md, "Exactly once").
    """
    with Broker(tmp_path / "kafka", settings=PATIENT) as own:
        yield own


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Three brokers of this test alone."""
    with Cluster(tmp_path / "kafka") as own:
        yield own


@pytest.fixture(scope="session")
def secure_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that also listens with TLS, passwords and client certificates: see `Broker.security`."""
    with Broker(tmp_path_factory.mktemp("secure") / "kafka", secure=True, settings=PATIENT) as own:
        yield own


@pytest.fixture(autouse=True)
def _nobody_feeds_on() -> Iterator[None]:
    """Fails a test that leaves its feeding behind: it would go on beside all others, its Kafka there or not."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == FEEDING], "still feeding"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _kill(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        select.select([process], [], [], TIME_LIMIT_S)  # until it is gone, with its files
    finally:
        os.close(process)

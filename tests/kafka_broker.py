"""A real Kafka to be killed, paused and started again: one broker, or a cluster of them, in KRaft's combined mode."""

from __future__ import annotations

import base64
import contextlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.kafka_java import LOG_LEVELS, archive, java, kafka_tool
from tests.kafka_security import Security
from tests.process import TIME_LIMIT_S, wait_for

HOST = "127.0.0.1"
STARTED = "Kafka Server started"
LOG_TAIL_LINES = 30
CLUSTER_ID = base64.urlsafe_b64encode(b"genred's tests!!").decode().rstrip("=")
# What a test would otherwise wait for, or pay for in memory.
QUICK_SETTINGS = {
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "100",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
    "log.segment.bytes": "1048576",
    "log.index.size.max.bytes": "65536",
    "log.initial.task.delay.ms": "100",
    "log.retention.check.interval.ms": "200",
    "log.segment.delete.delay.ms": "200",
    "log.cleaner.backoff.ms": "200",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "broker.heartbeat.interval.ms": "300",
    "broker.session.timeout.ms": "1500",  # who was killed may come back only after that
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.quorum.election.timeout.ms": "500",
}


@dataclass(frozen=True)
class Node:
    """Where one member of a cluster listens."""

    number: int
    port: int
    controller_port: int


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the system gives out: a broker that is down keeps its own."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            if port not in ports:
                ports.append(port)
    return ports


class Broker:
    """One Kafka, its data in `folder`. Not started before `start`, or the `with` block; `close` removes the data."""

    def __init__(
        self,
        folder: Path,
        *,
        secure: bool = False,
        settings: Mapping[str, str] | None = None,
        nodes: Sequence[Node] = (),
        node: Node | None = None,
    ) -> None:
        self.node = node or Node(1, *free_ports(2))
        self.bootstrap = f"{HOST}:{self.node.port}"
        self.log_file = folder / "broker.log"
        self._folder, self._data, self._properties = folder, folder / "data", folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._security = Security(folder / "security", *free_ports(2)) if secure else None
        folder.mkdir(parents=True, exist_ok=True)
        everything = self._settings(nodes or [self.node]) | dict(settings or {})
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in everything.items()))

    @property
    def security(self) -> Security:
        """The certificates, users and listeners of a broker made with `secure=True`."""
        assert self._security is not None, "not a secure broker"
        return self._security

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        return self._running().pid

    def start(self, *jvm_options: str) -> None:
        """Up, with the data it had, when this returns."""
        assert self._process is None, "already started"
        if not self._data.exists():
            scram = self._security.format_arguments() if self._security else []
            arguments = ("format", "-t", CLUSTER_ID, "-c", str(self._properties), *scram)
            kafka_tool("kafka.tools.StorageTool", *arguments)
        seen = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            command = java("kafka.Kafka", str(self._properties), options=("-Xmx384m", *LOG_LEVELS, *jvm_options))
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for(lambda: self._has_started(seen), f"the start of the broker at {self.bootstrap}")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log_tail()}") from None

    def stop(self) -> None:
        """Down in good order: it hands its partitions over first."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Down at once (kill -9), whether it runs, is paused or has ended."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """`stop` if it runs, then `start`: the same ports, the same data."""
        if self._process is not None:
            self.stop()
        self.start()

    def pause(self) -> None:
        """Silent, its connections open (SIGSTOP), as a machine that hangs."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Going on from where `pause` left it."""
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Killed if it still runs, and its data removed; the log stays."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    def log_tail(self) -> str:
        """The end of the broker's log, for a failure's message."""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def _has_started(self, seen: int) -> bool:
        code = self._running().poll()
        if code is not None:
            raise AssertionError(f"the broker at {self.bootstrap} ended with {code}")
        with self.log_file.open("rb") as log:
            log.seek(seen)
            return STARTED.encode() in log.read()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._running(), None
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)  # a paused one would not hear the first
        try:
            process.wait(TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(TIME_LIMIT_S)
            raise AssertionError(f"the broker did not stop within {TIME_LIMIT_S:g} s\n{self.log_tail()}") from None

    def _settings(self, nodes: Sequence[Node]) -> dict[str, str]:
        listeners = {"PLAINTEXT": self.bootstrap}
        if self._security:
            listeners |= {"SASL_SSL": self._security.sasl, "SSL": self._security.mtls}
        controller = {"CONTROLLER": f"{HOST}:{self.node.controller_port}"}
        replicas, in_sync = str(len(nodes)), str(min(2, len(nodes)))
        return {
            **QUICK_SETTINGS,
            "process.roles": "broker,controller",
            "node.id": str(self.node.number),
            "controller.quorum.voters": ",".join(f"{n.number}@{HOST}:{n.controller_port}" for n in nodes),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(f"{name}://{where}" for name, where in (listeners | controller).items()),
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,"
            + ",".join(f"{name}:{name}" for name in listeners),
            "log.dirs": str(self._data),
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            **(self._security.server_settings() if self._security else {}),
        }


class Cluster:
    """`size` brokers that hold every record `size` times; with three of them any one may go."""

    def __init__(self, folder: Path, size: int = 3, settings: Mapping[str, str] | None = None) -> None:
        ports = free_ports(2 * size)
        nodes = [Node(number + 1, ports[2 * number], ports[2 * number + 1]) for number in range(size)]
        self.brokers = {
            node.number: Broker(folder / f"node-{node.number}", settings=settings, nodes=nodes, node=node)
            for node in nodes
        }
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers.values())

    def __enter__(self) -> Cluster:
        # All at once: none is up before most of them are.
        try:
            with ThreadPoolExecutor(len(self.brokers)) as pool:
                list(pool.map(Broker.start, self.brokers.values()))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for broker in self.brokers.values():
            broker.close()


def write_archive() -> None:
    """The archive of the classes that a broker loads, written as one stops; nothing when it is there."""
    if archive().exists():
        return
    partial = archive().with_suffix(f".{uuid.uuid4().hex}")
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Broker(Path(folder))) as broker:
        broker.start(f"-XX:ArchiveClassesAtExit={partial}")
        broker.stop()
    partial.rename(archive())


if __name__ == "__main__":
    write_archive()

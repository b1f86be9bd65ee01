"""What a service manager hears, on a real notification socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from daemon.guard import Guard
from daemon.health import Health
from daemon.notify import notifier_of
from daemon.reporter import MORE_TIME_S, Reporter
from tests.parts import ListSource, make_parts
from tests.process import Daemon, running, wait_for
from tests.radio_server import broadcasting
from tests.signals import tones, write_wav
from tests.test_service import settings_file
from tests.tiny_model import write_tiny_model

WATCHDOG_S = 1.0


class Manager:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.heard: list[dict[str, str]] = []

    def listen(self) -> list[dict[str, str]]:
        """Everything so far: each datagram's states."""
        try:
            while True:
                lines = self._socket.recv(65536).decode().splitlines()
                self.heard.append(dict(line.split("=", 1) for line in lines))
        except BlockingIOError:
            return self.heard

    def until(self, name: str, value: str | None = None, after: int = 0) -> dict[str, str]:
        """Wait for a datagram with a state; only of those after the first `after`."""

        def found() -> dict[str, str] | None:
            fitting = (each for each in self.listen()[after:] if name in each and value in (None, each[name]))
            return next(fitting, None)

        return wait_for(found, f"{name} {value or ''} among {self.heard[-5:]}", 30.0)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


@contextmanager
def managed(folder: Path, model: Path, address: str, module: str = "daemon") -> Iterator[tuple[Daemon, Manager]]:
    """A daemon, and who started it."""
    audio = write_wav(folder / "tones.wav", tones(5, 16000), 16000)
    settings = settings_file(folder, model, audio, "model_watch_s = 0")
    variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)), "HANG_LOOP_S": "600"}
    with closing(Manager(address)) as manager, running(settings, None, module, **variables) as daemon:
        yield daemon, manager


def test_a_life(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model.onnx")
    address = f"@genred-test-{os.getpid()}"  # the other tests' are paths
    with managed(tmp_path, model, address) as (daemon, manager):
        ready = manager.until("READY", "1")
        assert ready["STATUS"].startswith("ready; 1 streams, ")
        assert "real time" in ready["STATUS"]
        seen = len(manager.listen())
        daemon.process.send_signal(signal.SIGHUP)
        reloading = manager.until("RELOADING", "1", seen)
        assert abs(int(reloading["MONOTONIC_USEC"]) - time.monotonic_ns() // 1000) < 30_000_000
        assert "reload nothing has changed" in manager.until("READY", "1", seen)["STATUS"]
        model.write_bytes(b"no network")
        seen = len(manager.listen())
        daemon.process.send_signal(signal.SIGHUP)
        manager.until("RELOADING", "1", seen)
        assert "reload refused" in manager.until("READY", "1", seen)["STATUS"]  # of the old one
        assert daemon.status()["last_reload"].startswith("refused: ")
        assert daemon.get("/readyz")[0] == 200
        daemon.process.send_signal(signal.SIGTERM)
        manager.until("STOPPING", "1")
        assert daemon.wait() == 0
        order = [name for each in manager.listen() for name in ("READY", "RELOADING", "STOPPING") if name in each]
        assert order == ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"]


def test_settings_that_are_wrong_refuse_a_reload(tmp_path: Path, tiny_model: Path) -> None:
    with managed(tmp_path, tiny_model, str(tmp_path / "notify")) as (daemon, manager):
        manager.until("READY", "1")
        settings = tmp_path / "genred.toml"
        settings.write_text("colour = 1\n" + settings.read_text())
        seen = len(manager.listen())
        daemon.process.send_signal(signal.SIGHUP)
        status = manager.until("READY", "1", seen)["STATUS"]
        assert "reload refused" in status
        assert "colour: unknown setting" in status
        assert "colour: unknown setting" in daemon.log


def test_signs_of_life_come_in_time_and_end_when_a_worker_hangs(tmp_path: Path, tiny_model: Path) -> None:
    with managed(tmp_path, tiny_model, str(tmp_path / "notify"), "tests.hanging_daemon") as (daemon, manager):
        manager.until("READY", "1")
        signs = 0
        for _ in range(4):
            since_s, seen = time.monotonic(), len(manager.listen())
            manager.until("WATCHDOG", "1", seen)
            signs += time.monotonic() - since_s < WATCHDOG_S
        assert signs == 4
        os.kill(daemon.process.pid, signal.SIGUSR2)  # the loop: nothing more comes
        seen, since_s = len(manager.listen()), time.monotonic()
        wait_for(lambda: time.monotonic() - since_s > 2 * WATCHDOG_S, "twice the watchdog's time")
        assert sum("WATCHDOG" in each for each in manager.listen()[seen:]) <= 1  # one was on its way


def test_more_time_is_asked_for_until_it_is_ready(tmp_path: Path, tiny_model: Path) -> None:
    settings = tmp_path / "genred.toml"
    with broadcasting() as radio:
        radio.stall()
        settings.write_text(f"""
model = "{tiny_model}"
sources = [{{ kind = "url", url = "{radio.url("/live")}", stream = "radio", stall_timeout_s = 1 }}]
sinks = [{{ kind = "jsonl", path = "{tmp_path / "out.jsonl"}" }}]
""")
        address = str(tmp_path / "notify")
        with closing(Manager(address)) as manager, running(settings, None, NOTIFY_SOCKET=address):
            asked_s: list[float] = []
            for _ in range(2):
                seen = len(manager.listen())
                assert manager.until("EXTEND_TIMEOUT_USEC", str(round(MORE_TIME_S * 1e6)), seen if asked_s else 0)
                asked_s.append(time.monotonic())
            assert asked_s[1] - asked_s[0] < MORE_TIME_S / 2
            radio.go_on()
            manager.until("READY", "1")
            order = [name for each in manager.listen() for name in ("EXTEND_TIMEOUT_USEC", "READY") if name in each]
            assert order == ["EXTEND_TIMEOUT_USEC", "EXTEND_TIMEOUT_USEC", "READY"]


def test_the_watchdog_of_another_process_is_not_ours(tmp_path: Path) -> None:
    address = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
    for process, watchdog_s in ((str(os.getpid()), 1.0), (str(os.getpid() + 1), None), ("", 1.0)):
        notifier = notifier_of({**address, "WATCHDOG_PID": process})
        assert notifier is not None
        with closing(notifier):
            assert notifier.watchdog_s == watchdog_s
            assert not notifier.send(READY=1)  # nobody listens, and nothing breaks
    assert notifier_of({}) is None
    assert notifier_of({"NOTIFY_SOCKET": "vsock:2:1"}) is None


def test_a_status_is_one_line(tmp_path: Path) -> None:
    with closing(Manager(str(tmp_path / "notify"))) as manager:
        notifier = notifier_of({"NOTIFY_SOCKET": manager.address})
        assert notifier is not None
        with closing(notifier):
            assert notifier.send(STATUS="broken\nREADY=1")
        assert manager.listen() == [{"STATUS": "broken READY=1"}]


def fill(manager: Manager) -> None:
    """Leave no room in its socket, as when the manager is busy with a whole machine's start."""
    took = True
    while took:  # what one sender may have on its way is bounded, too
        took = False
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other, contextlib.suppress(BlockingIOError):
            other.setblocking(False)
            while True:
                other.sendto(b"X_NOISE=1", manager.address)
                took = True


def test_what_a_busy_manager_does_not_take_is_said_again(tmp_path: Path, tiny_model: Path) -> None:
    parts, source = make_parts(tiny_model), ListSource("radio", [])
    source.status.heard()
    health = Health(parts.pipeline, parts.engine, [], [source], parts.ledger, parts.metrics, Guard(parts.engine, 60.0))
    with closing(Manager(str(tmp_path / "notify"))) as manager:
        notifier = notifier_of({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"})
        assert notifier is not None
        with closing(notifier):
            reporter = Reporter(notifier, health, 20.0)

            def looks() -> list[str]:
                """What is heard once there is room again."""
                seen = len(manager.listen())
                reporter.look()
                return [name for each in manager.listen()[seen:] for name in each if name != "STATUS"]

            fill(manager)
            reporter.look()
            assert looks() == ["WATCHDOG", "READY"]
            assert looks() == []
            reporter.reload(None)
            fill(manager)
            reporter.reload("served")
            assert looks() == ["READY"]
            assert manager.heard[-1]["STATUS"].endswith("; reload served")
            fill(manager)
            reporter.stopping()
            assert looks() == ["STOPPING", "EXTEND_TIMEOUT_USEC"]
            assert looks() == []

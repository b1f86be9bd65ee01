"""Threads that hang: said in time, with where, and the process given up with its code; nothing else gives it up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import EXIT_INTERNAL
from tests.process import Daemon, running, wait_for
from tests.signals import tones, write_wav
from tests.test_service import first_window, settings_file

STUCK_S = 2.0
AMID_OTHERS_S = 8.0  # more, on a machine that does other things too


@contextmanager
def hearing(folder: Path, model: Path, stuck_s: float = STUCK_S, block_s: float = 600.0) -> Iterator[Daemon]:
    """A daemon that hears, and that signals make hang."""
    audio = write_wav(folder / "tones.wav", tones(5, 16000), 16000)
    more = (
        f"health.stuck_after_s = {stuck_s}",
        "engine.threads = 2",
        "windows.window_s = 1.024",
        "windows.hop_s = 0.512",
    )
    settings = settings_file(folder, model, audio, *more)
    with running(settings, module="tests.hanging_daemon", HANG_LOOP_S=str(block_s)) as daemon:
        wait_for(lambda: first_window(daemon), "the first window")
        assert daemon.get("/livez")[0] == 200
        yield daemon


def assert_given_up(daemon: Daemon, since_s: float) -> None:
    """Ended with its code, in time."""
    assert daemon.wait() == EXIT_INTERNAL, daemon.log
    assert STUCK_S - 0.5 < time.monotonic() - since_s < STUCK_S + AMID_OTHERS_S
    assert "ending with code 70" in daemon.log


def test_a_worker_that_hangs_ends_the_process_and_the_next_one_works(tmp_path: Path, tiny_model: Path) -> None:
    with hearing(tmp_path, tiny_model) as daemon:
        os.kill(daemon.process.pid, signal.SIGUSR1)
        wait_for(lambda: dead(daemon), "a livez that says so")
        assert_given_up(daemon, time.monotonic() - STUCK_S / 2)
        assert "the thread genred-engine-" in daemon.log
        assert "hang_in_the_driver" in daemon.log  # where
    with hearing(tmp_path, tiny_model) as again:
        wait_for(lambda: again.get("/readyz")[0] == 200, "readiness")


def dead(daemon: Daemon) -> bool:
    """Whether /livez is against it, and says why; readiness goes along."""
    code, text = daemon.get("/livez")
    return code == 503 and "has been at one batch for" in text and daemon.get("/readyz")[0] == 503


def test_a_loop_that_does_not_turn_ends_the_process(tmp_path: Path, tiny_model: Path) -> None:
    with hearing(tmp_path, tiny_model) as daemon:
        os.kill(daemon.process.pid, signal.SIGUSR2)
        assert_given_up(daemon, time.monotonic())
        assert "the event loop has not turned for" in daemon.log
        assert "block_the_loop" in daemon.log


def test_a_loop_that_is_late_for_once_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    with hearing(tmp_path, tiny_model, stuck_s=20.0, block_s=1.0) as daemon:
        os.kill(daemon.process.pid, signal.SIGUSR2)
        wait_for(lambda: daemon.status()["windows"] > 3, "more windows")
        assert daemon.get("/livez")[0] == 200
        assert daemon.get("/readyz")[0] == 200


def test_a_process_that_was_stopped_is_not_taken_for_one_that_hangs(tmp_path: Path, tiny_model: Path) -> None:
    with hearing(tmp_path, tiny_model) as daemon:
        since_s, windows = time.monotonic(), daemon.status()["windows"]
        daemon.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: time.monotonic() - since_s > 2 * STUCK_S, "twice the time it takes to be stuck")
        daemon.process.send_signal(signal.SIGCONT)
        wait_for(lambda: daemon.status()["windows"] > windows + 3, "more windows")
        assert daemon.get("/livez")[0] == 200

"""The real program as a child process: start it, wait on its state, stop it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
TIME_LIMIT_S = 60.0
POLL_S = 0.02


def genred(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `genred` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon", *arguments],
        input=stdin,
        capture_output=True,
        timeout=TIME_LIMIT_S,
        env={**os.environ, **environment},
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def wait_for(question: Callable[[], T | None], what: str, time_limit_s: float = TIME_LIMIT_S) -> T:
    """The first answer to `question` that is true; fails after the time limit."""
    deadline = time.monotonic() + time_limit_s
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(POLL_S)  # between looks, never instead of one
    raise AssertionError(f"{what} did not come to pass within {time_limit_s:g} s")


class Daemon:
    """A running `genred run`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self._log = process, log
        self.address = wait_for(self._find_address, "the daemon's address")

    def get(self, path: str) -> tuple[int, str]:
        """Status code and body of a GET."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self) -> dict[str, Any]:
        """The `/status` document."""
        document: dict[str, Any] = json.loads(self.get("/status")[1])
        return document

    def wait(self) -> int:
        """The exit code."""
        return self.process.wait(TIME_LIMIT_S)

    @property
    def log(self) -> str:
        """All that was logged so far."""
        return self._log.read_text()

    def _find_address(self) -> str | None:
        if self.process.poll() is not None:
            raise AssertionError(f"genred run ended with {self.process.returncode}: {self.log}")
        for word in self.log.split():
            if word.startswith("http://") and word.rstrip('",').endswith("/metrics"):
                return word.rstrip('",').removesuffix("/metrics")
        return None


@contextmanager
def running(settings: Path, stdout: int | None = None, module: str = "daemon", **environment: str) -> Iterator[Daemon]:
    """`genred run -c settings` on a free port, killed at the end if still there; `module`: what stands for genred."""
    log = settings.with_suffix(".log")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "run", "-c", str(settings)],
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=stderr,
            text=True,
            env={**os.environ, "GENRED_HTTP__PORT": "0", **environment},
        )
    try:
        yield Daemon(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(TIME_LIMIT_S)
        if process.stdout is not None:
            process.stdout.close()

"""Run a command as a whole process on one core and say what it took."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import GenredError

# Libraries that start threads of their own must not: the comparison is of one core's work.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

# TensorFlow's search for GPUs would hide the line that says why a peer failed.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


def one_thread_environment() -> dict[str, str]:
    """This process's environment, for a child that is to keep to one core."""
    return {**os.environ, **ONE_THREAD, **QUIET}


@dataclass(frozen=True, slots=True)
class Took:
    """Wall and processor seconds, and the largest resident memory."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run_on_one_core(command: Sequence[str], out: Path | None = None) -> Took:
    """Run `command` to its end, pinned to one core; `out` takes what it writes, else nobody does.

    GenredError with its last line when it fails.
    """
    core = min(os.sched_getaffinity(0))
    started = time.perf_counter()
    with (out or Path(os.devnull)).open("wb") as taker:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=taker,
            stderr=subprocess.PIPE,
            env=one_thread_environment(),
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no message"]
        raise GenredError(f"bench: {command[0]} … ended with {process.returncode}: {lines[-1]}")
    return Took(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

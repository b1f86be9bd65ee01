"""Measurements in processes of their own: each has its memory's peak to itself, and the cores that it may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.bench.process import one_thread_environment
from daemon.errors import GenredError, InputUnusable


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def chosen_workers(asked: list[int]) -> list[int]:
    """One worker and one a core, unless others were asked for; InputUnusable for more than there are cores."""
    most = usable_cores()
    for workers in asked:
        if workers > most:
            raise InputUnusable(f"bench: --workers {workers}: there are {most} cores")
    return asked or sorted({1, most})


def run_child(module: str, asked: Mapping[str, Any], cores: int, one_thread: bool = False) -> dict[str, Any]:
    """What `python -m module` answers to `asked`, as JSON both; it is pinned to the last `cores` cores.

    one_thread: libraries that start threads of their own must not. Else they do as they do in the daemon.
    GenredError with its last line when it fails.
    """
    pinned = set(sorted(os.sched_getaffinity(0))[-cores:])
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=one_thread_environment() if one_thread else None,
        preexec_fn=lambda: os.sched_setaffinity(0, pinned),
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise GenredError(f"bench: {module} ended with {done.returncode}: {lines[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def asked() -> dict[str, Any]:
    """In the child: what it was asked."""
    question: dict[str, Any] = json.loads(sys.argv[1])
    return question


def answer(found: Mapping[str, Any]) -> None:
    """In the child: the answer."""
    sys.stdout.write(json.dumps(found))


def peak_mb(pid: int | str = "self") -> float:
    """Largest resident memory of a process so far, MB; not its parent's, as `ru_maxrss` may be after a fork."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0

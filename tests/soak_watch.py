"""Looks at the daemon every second, and takes a sample of it every few."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.process import Daemon
from tests.soak_feed import Plan, due_s, read

LOOK_S, SAMPLE_S = 1.0, 5.0
MB = 1024  # of kB


@dataclass(frozen=True)
class Sample:
    """The daemon at one moment. Times from the begin of the feeding; audio seconds of all streams together."""

    at_s: float
    rss_mb: float
    uss_mb: float
    cpu_s: float
    threads: int
    files: int
    ready: bool
    model: str
    realtime_factor: float
    due_s: float
    acked_s: float
    received_s: float
    analysed_s: float  # tagged or silent
    dropped_s: float
    gap_s: float
    in_flight_s: float
    unaccounted_s: float
    lag_s: float  # of Kafka, in audio
    log_lines: int

    @property
    def behind_s(self) -> float:
        """Captured and not analysed."""
        return max(0.0, self.due_s - self.analysed_s)


@dataclass
class Watch:
    """Samples of a daemon, and the times in which it was not ready, taken by a thread until `stop`."""

    daemon: Daemon
    plan: Plan
    log: Path
    keep: Path  # a line of JSON a sample
    samples: list[Sample] = field(default_factory=list)
    unready: list[tuple[float, float]] = field(default_factory=list)  # from, to
    errors: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, began_s: float) -> None:
        """Begin; `began_s` is the feeding's."""
        self._thread = threading.Thread(target=self._run, args=(began_s,), name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The last sample was taken."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, began_s: float) -> None:
        next_s, since_s = time.monotonic(), None
        with self.keep.open("w") as kept:
            while not self._stopping.wait(LOOK_S):
                try:
                    status = self.daemon.status()
                except (OSError, ValueError) as error:  # it takes up to 5 s, and then says nothing
                    self.errors.append(f"{time.monotonic() - began_s:.0f} s: no answer from /status: {error!r}")
                    continue
                now_s = time.monotonic()
                since_s = self._readiness(status["ready"], since_s, now_s - began_s)
                if now_s >= next_s:
                    next_s = max(next_s + SAMPLE_S, now_s)
                    self._sample(status, began_s, now_s)
                    kept.write(json.dumps(asdict(self.samples[-1])) + "\n")
                    kept.flush()
            if since_s is not None:
                self.unready.append((since_s, time.monotonic() - began_s))

    def _readiness(self, ready: bool, since_s: float | None, at_s: float) -> float | None:
        """Since when it has not been ready; None while it is."""
        if ready and since_s is not None:
            self.unready.append((since_s, at_s))
        return None if ready else at_s if since_s is None else since_s

    def _sample(self, status: dict[str, Any], began_s: float, now_s: float) -> None:
        page, pid, progress = self.daemon.get("/metrics")[1], self.daemon.process.pid, read(Path(self.plan.progress))
        seconds = status["seconds"]
        self.samples.append(
            Sample(
                at_s=round(now_s - began_s, 2),
                **_memory(pid),
                cpu_s=_cpu_s(pid),
                threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
                files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
                ready=status["ready"],
                model=status["model"]["name"],
                realtime_factor=value(page, "genred_realtime_factor"),
                due_s=round(due_s(self.plan, began_s, now_s), 2),
                acked_s=0.0 if progress is None else progress.acked_s,
                received_s=seconds["received"],
                analysed_s=seconds["tagged"] + seconds["silent"],
                dropped_s=sum(seconds["dropped"].values()),
                gap_s=seconds["gap"],
                in_flight_s=seconds["in_flight"],
                unaccounted_s=seconds["unaccounted"],
                lag_s=value(page, "genred_consumer_lag_audio_seconds"),
                log_lines=self.log.read_bytes().count(b"\n"),
            )
        )


def value(page: str, series: str) -> float:
    """The value of one series on a page of metrics; nought where it is not there."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def memory_kb(pid: int) -> dict[str, int]:
    """What the kernel adds up of a process's memory, by the names of /proc/PID/smaps_rollup."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, _, rest in (row.partition(":") for row in rows)}


def wait_until(when_s: float, alive: Callable[[], None]) -> None:
    """Let time pass until `when_s` (monotonic clock); `alive` is asked meanwhile, and raises."""
    while (left_s := when_s - time.monotonic()) > 0:
        alive()
        time.sleep(min(LOOK_S, left_s))


def _memory(pid: int) -> dict[str, float]:
    kb = memory_kb(pid)
    return {"rss_mb": kb["Rss"] / MB, "uss_mb": (kb["Private_Clean"] + kb["Private_Dirty"]) / MB}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

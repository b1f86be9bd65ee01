"""Lines to standard error by a thread of its own: nobody who logs ever waits for a disk, a pipe or its reader."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable

MAX_WAITING = 1000  # lines; those that come when so many wait are lost, and counted
LOOK_S = 1.0


class LogWriter:
    """Takes lines and writes them. What cannot be written is counted in `lost`; `say_lost` makes a line of that.

    tick: called about once in LOOK_S by the writing thread.
    """

    def __init__(self, say_lost: Callable[[int], str], tick: Callable[[], None]) -> None:
        self._say_lost, self._tick = say_lost, tick
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._writing = self._torn = False
        self._unsaid = 0
        self.lost = 0
        threading.Thread(target=self._write_all, name="genred-log", daemon=True).start()

    def put(self, line: str) -> None:
        """Have a line written, soon; returns at once."""
        with self._changed:
            if len(self._lines) >= MAX_WAITING:
                self._lose(1)
            else:
                self._lines.append(line)
                self._changed.notify_all()

    def flush(self, limit_s: float) -> bool:
        """Wait until all is written, `limit_s` at most; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._lines and not self._writing, limit_s)

    def _write_all(self) -> None:
        while True:
            self._tick()
            with self._changed:
                self._changed.wait_for(lambda: bool(self._lines), LOOK_S)
                lines = list(self._lines)
                self._lines.clear()
                self._writing = True
                unsaid, self._unsaid = self._unsaid, 0
            if unsaid:
                lines.insert(0, self._say_lost(unsaid))
            unwritten = self._write("".join(f"{line}\n" for line in lines).encode(errors="backslashreplace"))
            with self._changed:
                if unwritten:
                    news = unwritten - (1 if unsaid and unwritten == len(lines) else 0)
                    self._lose(news)
                    self._unsaid += unsaid if news < unwritten else 0
                self._writing = False
                self._changed.notify_all()

    def _lose(self, count: int) -> None:
        self.lost += count
        self._unsaid += count

    def _write(self, data: bytes) -> int:
        """Write it; how many lines could not be."""
        if self._torn and data:
            data = b"\n" + data  # behind the line that a full disk cut off
        try:
            while data:
                written = _write_some(data)
                self._torn = not data[:written].endswith(b"\n")
                data = data[written:]
        except (OSError, ValueError):  # full, closed, gone
            return data.removeprefix(b"\n").count(b"\n")
        return 0


def _write_some(data: bytes) -> int:
    """Past Python's buffers: what a full disk leaves in one would make the interpreter's end fail."""
    try:
        descriptor = sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # a stand-in for standard error, or none
        if sys.stderr is not None:
            sys.stderr.write(data.decode())
        return len(data)
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        select.select([], [descriptor], [], LOOK_S)
        return 0


def write_line(text: str) -> None:
    """Say a last word on standard error, if it can be written; waits LOOK_S at most."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if sys.stderr.isatty() or select.select([], [sys.stderr], [], LOOK_S)[1]:
            _write_some(f"{text}\n".encode(errors="backslashreplace"))

"""Where windows are: what each stage has taken in and given out, and when it last got on. Knows no metrics library.

The work calls these where it happens, once a batch where there are batches, from the threads that do it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final, Protocol

from daemon.cuts import Window


class Stage:
    """What a window goes through. On a CPU silent ones skip inference; those of known scores, features too."""

    # No enum: looking one up in a dict costs half a microsecond, several times a window.
    QUEUE: Final = "queue"
    FEATURES: Final = "features"
    INFERENCE: Final = "inference"
    PUBLISH: Final = "publish"
    ALL: Final = (QUEUE, FEATURES, INFERENCE, PUBLISH)


class Watcher(Protocol):
    """Hears what becomes of every window. `began` and `ended` come from any thread, the rest from the event loop."""

    def arrived(self, window: Window, at_ns: int, traceparent: str | None) -> None:
        """A window was cut at `at_ns` (Unix time). `traceparent`: of the record that completed it, if it has one."""
        ...

    def began(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have come into the stage."""
        ...

    def ended(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have left the stage."""
        ...

    def published(self, window: Window, model: str, best: str | None) -> str | None:
        """The window's results are out, in the name of `model`; its best genre, None when it is silent.

        The trace's id in hexadecimal, if there is a trace.
        """
        ...

    def given_up(self, window: Window) -> None:
        """The window is another process's to publish."""
        ...


class StageCount:
    """One stage's windows.

    last_progress_s: Unix time when one last left, or came in while the stage was empty: while it is not, its age is how
    long nothing has got on.
    """

    __slots__ = ("_lock", "last_progress_s", "windows_in", "windows_out")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.windows_in = self.windows_out = 0
        self.last_progress_s = time.time()

    def enter(self, windows: int) -> None:
        """So many have come in."""
        with self._lock:
            if self.windows_in == self.windows_out:
                self.last_progress_s = time.time()
            self.windows_in += windows

    def leave(self, windows: int) -> None:
        """So many have gone out."""
        now_s = time.time()
        with self._lock:
            self.windows_out += windows
            self.last_progress_s = now_s

    def read(self) -> tuple[int, int, float]:
        """Windows in, windows out, time of the last progress: of one moment."""
        with self._lock:
            return self.windows_in, self.windows_out, self.last_progress_s


class Stages:
    """All stages; `watcher`, if any, hears of every window too."""

    def __init__(self) -> None:
        self.counts = {stage: StageCount() for stage in Stage.ALL}
        self.watcher: Watcher | None = None

    def began(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have come into the stage."""
        if not windows:
            return
        self.counts[stage].enter(len(windows))
        if self.watcher is not None:
            self.watcher.began(stage, windows)

    def ended(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have left the stage."""
        if not windows:
            return
        if self.watcher is not None:
            self.watcher.ended(stage, windows)
        self.counts[stage].leave(len(windows))

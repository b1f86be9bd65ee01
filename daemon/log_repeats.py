"""What is logged again and again is said once, and then counted. Pure: no clock, no output."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, field

WINDOW_S, LONGEST_WINDOW_S = 60.0, 300.0
FREE = 10  # different messages of one kind that pass in a window
MAX_KINDS = 500
OWN = ("daemon", "export", "models")  # packages whose messages name what they are about
ANSWER = {"answer": True}  # `extra` of a record that somebody has asked for: it always passes

Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Window:
    """One kind's present window of time."""

    began_s: float
    lasts_s: float = WINDOW_S
    texts: set[str] = field(default_factory=set)  # that passed
    held: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Decides which records pass; times are of any one clock that never jumps, seconds.

    Records are of a kind when logger, level and the text without its arguments are the same. Of a kind, the same
    message passes once in a window, and at most FREE different ones do; of a library's trouble, one. What was held is
    told by `due` at the window's end, in one record a kind; while that goes on the windows grow, up to
    LONGEST_WINDOW_S.
    """

    def __init__(self) -> None:
        self._windows: dict[Kind, _Window] = {}
        self.left_out = 0  # records held so far

    def passes(self, record: logging.LogRecord, now_s: float) -> bool:
        """Whether to log the record now."""
        if getattr(record, "answer", False):
            return True
        kind = (record.name, record.levelno, str(record.msg))
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= MAX_KINDS:
                del self._windows[next(iter(self._windows))]
            window = self._windows[kind] = _Window(now_s)
        text = record.getMessage()
        free = FREE if record.levelno < logging.WARNING or record.name.partition(".")[0] in OWN else 1
        if text not in window.texts and len(window.texts) < free:
            window.texts.add(text)
            return True
        window.held += 1
        window.last = record
        self.left_out += 1
        return False

    def due(self, now_s: float, all_of_them: bool = False) -> list[logging.LogRecord]:
        """A record for each kind that was held in a window that has ended; `all_of_them`: in any window."""
        said = []
        for kind, window in list(self._windows.items()):
            took_s = now_s - window.began_s
            if took_s < window.lasts_s and not all_of_them:
                continue
            if window.last is None:
                del self._windows[kind]
                continue
            said.append(_summary(window.last, window.held, took_s))
            window.began_s, window.held, window.last = now_s, 0, None
            window.lasts_s = min(2 * window.lasts_s, LONGEST_WINDOW_S)
        return said


def _summary(last: logging.LogRecord, held: int, took_s: float) -> logging.LogRecord:
    summary = copy.copy(last)
    summary.msg = f"{last.getMessage()} (the last of {held} like it in {took_s:.0f} s that were left out)"
    summary.args = ()
    summary.exc_info = summary.exc_text = None
    return summary

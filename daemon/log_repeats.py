"""What is logged again and again is said once, and then counted. Pure: no clock, no output."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, field

from daemon.log_ration import MINUTE_S, Ration, is_own

LONGEST_WINDOW_S = 300.0
FREE = 10  # different messages of one kind that pass in a window
MAX_KINDS = 500
ANSWER = {"answer": True}  # `extra` of a record that somebody has asked for: it always passes

Kind = tuple[str, int, str]


@dataclass(slots=True)
class _Window:
    """One kind's present window of time."""

    began_s: float
    lasts_s: float = MINUTE_S
    texts: set[str] = field(default_factory=set)  # that passed
    held: int = 0  # since it began; `last` is told when there is time
    last: logging.LogRecord | None = None


class Repeats:
    """Decides which records pass; times are of any one clock that never jumps, seconds.

    Records are of a kind when logger, level and the text without its arguments are the same. Of a kind, the same
    message passes once in a window, and at most FREE different ones do; of a library's trouble, one. For those about
    brokers there must be room in the ration, too. What was held is told by `due` at the window's end, in one record a
    kind; while that goes on the windows grow, up to LONGEST_WINDOW_S. A kind that had to wait for its first word has it
    as soon as there is room.
    """

    def __init__(self, rationed: bool = True) -> None:
        """`rationed`: False for whoever looks for a defect."""
        self._windows: dict[Kind, _Window] = {}
        self._ration = Ration() if rationed else None
        self.left_out = 0  # records that others stood for

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
        free = FREE if record.levelno < logging.WARNING or is_own(record) else 1
        new = text not in window.texts and len(window.texts) < free
        if new and self._room(record, not window.texts, now_s):
            window.texts.add(text)
            return True
        self.left_out += window.last is not None
        window.held += 1
        window.last = _saying(record, text)  # as it is now: its arguments may be others, or broken, by then
        return False

    def due(self, now_s: float, all_of_them: bool = False) -> list[logging.LogRecord]:
        """A record for each kind that was held, if its window has ended and there is room.

        all_of_them: for the end; in any window, and what genred has not said at all yet even without room.
        """
        said = []
        for kind, window in list(self._windows.items()):
            last, first = window.last, not window.texts
            if now_s - window.began_s < window.lasts_s and not (first or all_of_them):
                continue
            if last is None:
                del self._windows[kind]
            elif self._room(last, first, now_s) or (all_of_them and first and is_own(last)):
                said.append(self._told(window, last, now_s))
        return said

    def _room(self, record: logging.LogRecord, first: bool, now_s: float) -> bool:
        return self._ration is None or self._ration.take(record, first, now_s)

    def _told(self, window: _Window, last: logging.LogRecord, now_s: float) -> logging.LogRecord:
        first, text = not window.texts, last.getMessage()
        if first:
            window.texts.add(text)
        if window.held > 1 or not first:
            last = _saying(last, f"{text} (the last of {window.held} in {now_s - window.began_s:.0f} s)")
            last.exc_info = last.exc_text = None
        window.began_s, window.held, window.last = now_s, 0, None
        window.lasts_s = min(2 * window.lasts_s, LONGEST_WINDOW_S)
        return last


def _saying(record: logging.LogRecord, text: str) -> logging.LogRecord:
    """The same record with `text` for its message."""
    other = copy.copy(record)
    other.msg, other.args = text, ()
    return other

"""Logging to standard error: text for people, JSON lines for machines, repeats counted, and nobody held up by it."""

from __future__ import annotations

import atexit
import json
import logging
import sys
import time

from daemon.log_repeats import Repeats
from daemon.log_writer import LogWriter
from daemon.messages import rfc3339

FLUSH_S = 2.0  # for the last lines of a process


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with time, level, logger and message; the traceback where there is one."""
        fields = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class LogOutput(logging.Handler):
    """The process's one handler. A log that cannot be written is lost, and counted; logging never fails or waits."""

    def __init__(self, formatter: logging.Formatter, rationed: bool) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._repeats = Repeats(rationed)
        self._blocked = False  # the last flush was in vain: the next one need not wait
        self._writer = LogWriter(self._say_lost, self._say_due)

    @property
    def left_out(self) -> int:
        """Records that were not logged: others stand for them."""
        return self._repeats.left_out

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._writer.lost

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record written, unless it repeats others. Called with the handler's lock held."""
        try:
            if self._repeats.passes(record, time.monotonic()):
                self._writer.put(self.format(record))
        except Exception as error:  # wrong arguments, say: a defect, but none to end the daemon for
            self._writer.put(f"a log record of {record.name} cannot be shown: {error!r}: {record.msg!r}")

    def flush_within(self, limit_s: float) -> None:
        """Write what waits, what was held included."""
        self._say_due(all_of_them=True)
        self._blocked = not self._writer.flush(0.0 if self._blocked else limit_s)

    def _say_due(self, all_of_them: bool = False) -> None:
        self.acquire()
        try:
            for summary in self._repeats.due(time.monotonic(), all_of_them):
                summary.created = time.time()  # not the last one's: lines come in the order of their times
                self._writer.put(self.format(summary))
        finally:
            self.release()

    def _say_lost(self, count: int) -> str:
        text = "%d lines of the log could not be written and are lost"
        return self.format(logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (count,), None))


def set_up_logging(level: str, style: str) -> None:
    """Log to standard error at `level`; `style` is text, json or auto (text on a terminal)."""
    text = style == "text" or (style == "auto" and sys.stderr is not None and sys.stderr.isatty())
    output = LogOutput(
        logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S") if text else JsonFormatter(),
        rationed=level != "debug",
    )
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    atexit.register(output.flush_within, FLUSH_S)


def log_output() -> LogOutput | None:
    """The handler that `set_up_logging` made; None before."""
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, LogOutput)), None)


def flush_logs(limit_s: float = FLUSH_S) -> None:
    """Write what waits; call before a word to people, and before an end that runs no exit handlers."""
    output = log_output()
    if output is not None:
        output.flush_within(limit_s)

"""Whether results could be appended to a file: tried, and nothing left behind."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path

from daemon.errors import SinkFailed

APPEND = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def try_file(path: Path) -> None:
    """SinkFailed when this user could not open `path` for appending; nothing is written, and no file is made."""
    try:
        if not _is_there(path):
            _could_be_made(path)
    except OSError as error:
        raise SinkFailed(f"sink {path}: cannot be opened: {error.strerror or error}") from error


def _is_there(path: Path) -> bool:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISFIFO(kind):
        os.close(os.open(path, APPEND))
    elif not os.access(path, os.W_OK):  # opened it cannot be before it has a reader, for which a start waits
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return True


def _could_be_made(path: Path) -> None:
    """By a file without a name: under its own it might be another genred's, by the time that it is taken away."""
    folder = Path(os.path.realpath(path)).parent  # of a link to what is not there yet, too
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
    tempfile.TemporaryFile(dir=folder).close()

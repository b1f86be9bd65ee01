"""What every command of `genred export` shares: errors as one line and an exit code."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from export.errors import ExportError

_NOT_WRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM)
# A folder where a file should be, a file where a folder should be, a name that no disk takes.
_NO_SUCH_PLACE: Final = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG)


@contextmanager
def reported() -> Iterator[None]:
    """Ends the program with the code of an ExportError, its message on standard error; a traceback for defects only."""
    try:
        yield
    except ExportError as error:
        fail(str(error), error.exit_code)
    except ImportError as error:
        package = (error.name or "a package").partition(".")[0]
        fail(f"{package} is not installed; install genred with its extras: pip install 'genred[cpu,export]'", 69)
    except OSError as error:
        if error.errno in _NO_SUCH_PLACE:
            fail(f"{error.filename2 or error.filename}: {error.strerror}; name another place", 64)
        if error.errno not in _NOT_WRITABLE:
            raise
        fail(f"{error.filename or 'writing'}: {error.strerror}; nothing was left half-written", 70)


def warn(message: str) -> None:
    """One line on standard error; the command goes on."""
    typer.echo(f"genred export: warning: {message}", err=True)


def fail(message: str, code: int) -> None:
    """Each line of `message` on standard error, and the end.

    Not typer.Exit: without its standalone mode that becomes a success.
    """
    for line in message.splitlines():
        typer.echo(f"genred export: {line}", err=True)
    sys.exit(code)

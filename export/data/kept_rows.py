"""A file of rows that a model has made of a clip's windows: float32, compressed, written whole or not at all."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from export.data.decode import Floats
from export.errors import CannotWrite
from models.whole_file import whole_file


def write_rows(path: Path, rows: Floats, what: str) -> None:
    """Keep `rows` (n, n_columns); what: they are, in the message of CannotWrite."""
    try:
        with whole_file(path) as file:
            np.savez_compressed(file, rows=rows)
    except OSError as error:
        raise CannotWrite(
            f"{path.parent}: {what} cannot be kept ({error.strerror}); nothing was left half-written, and what is "
            "there will be used again"
        ) from None


def read_rows(path: Path, n_columns: int) -> Floats | None:
    """The rows in `path`, or None where there is no file that is whole and of so many columns."""
    try:
        with np.load(path, allow_pickle=False) as entry:
            rows: Floats = entry["rows"]
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError):
        return None
    return rows if rows.ndim == 2 and rows.shape[1] == n_columns and rows.dtype == np.float32 else None

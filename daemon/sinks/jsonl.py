"""Results as JSON, one object a line, to a file or standard output."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from daemon.errors import SinkFailed
from daemon.messages import Result, json_line


class JsonlSink:
    """Appends to `path`, or writes to standard output for None. Lines are flushed batch by batch, whole."""

    def __init__(self, path: Path | None) -> None:
        self._name = str(path) if path else "standard output"
        try:
            self._file: TextIO = path.open("a", encoding="utf-8") if path else sys.stdout
        except OSError as error:
            raise SinkFailed(f"sink {path}: cannot be opened: {error.strerror}") from error
        self._owned = path is not None

    async def write(self, results: Sequence[Result]) -> None:
        """Append `results`; in a thread, since a pipe's reader may be slow."""
        text = "".join(json_line(result) + "\n" for result in results)
        await asyncio.to_thread(self._append, text)

    async def close(self) -> None:
        """Close the file."""
        if self._owned:
            self._file.close()

    def _append(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise SinkFailed(f"sink {self._name}: {error.strerror or error}") from error

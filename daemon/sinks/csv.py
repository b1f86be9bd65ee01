"""Window scores as CSV: a row a window, a column a label."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from daemon.messages import Result, WindowTags


class CsvSink:
    """Writes a header, then one row a window; a silent window's scores are empty."""

    def __init__(self, out: TextIO, labels: Sequence[str]) -> None:
        self._out, self._labels = out, labels
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(["stream", "epoch", "window", "start_s", "end_s", "silent", "gap_s", *labels])

    async def write(self, results: Sequence[Result]) -> None:
        """Write the windows among `results`."""
        for result in results:
            if isinstance(result, WindowTags):
                scores = [f"{result.scores[label]:.6f}" if result.scores else "" for label in self._labels]
                place = [result.stream, result.epoch, result.window, f"{result.start_s:g}", f"{result.end_s:g}"]
                self._writer.writerow([*place, int(result.silent), f"{result.gap_s:g}", *scores])
        self._out.flush()

    async def close(self) -> None:
        """Nothing is held."""

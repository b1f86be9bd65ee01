"""Window scores as CSV: a row a window, a column a label; of several models, a row a window and model."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from daemon.messages import Result, WindowTags
from daemon.roster import Roster


class CsvSink:
    """Writes a header, then the rows. Empty are a silent window's scores, and those of labels that a model has not.

    The column `model` is there only when there are several.
    """

    def __init__(self, out: TextIO, roster: Roster) -> None:
        self._out, self._several = out, len(roster.voices) > 1
        self._labels = list(dict.fromkeys(label for voice in roster.voices for label in voice.labels))
        model = ["model"] if self._several else []
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(
            ["stream", "epoch", "window", "start_s", "end_s", "silent", "gap_s", *model, *self._labels]
        )

    async def write(self, results: Sequence[Result]) -> None:
        """Write the windows among `results`."""
        for result in results:
            if isinstance(result, WindowTags):
                self._writer.writerows(self._row(said) for said in result.apart())
        self._out.flush()

    async def close(self) -> None:
        """Nothing is held."""

    def _row(self, said: WindowTags) -> list[object]:
        """One model's."""
        model = [said.model.name] if self._several else []
        place = [said.stream, said.epoch, said.window, f"{said.start_s:g}", f"{said.end_s:g}"]
        scores = [f"{said.scores[label]:.6f}" if label in said.scores else "" for label in self._labels]
        return [*place, int(said.silent), f"{said.gap_s:g}", *model, *scores]

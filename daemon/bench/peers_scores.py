"""What the contenders of `genred bench peers` wrote: how many windows, and how far their scores are from genred's."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one contender: its windows, and by label its scores, float64 (windows,), NaN where there is none."""

    windows: int
    by_label: dict[str, npt.NDArray[np.float64]]


def read_scores(path: Path, labels: Sequence[str]) -> Scores:
    """Read a CSV file whose columns are called by `labels` or by their numbers; other columns are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_label = {}
    for column in rows[0] if rows else ():
        label = labels[int(column)] if column.isdigit() else column
        if label in labels:
            by_label[label] = np.array([float(row[column] or "nan") for row in rows])
    return Scores(len(rows), by_label)


def largest_difference(ours: Scores, theirs: Scores) -> float | None:
    """Over the windows and labels that both have; None without any."""
    windows = min(ours.windows, theirs.windows)
    gaps = [
        np.abs(scores[:windows] - theirs.by_label[label][:windows])
        for label, scores in ours.by_label.items()
        if label in theirs.by_label
    ]
    known = [gap[~np.isnan(gap)] for gap in gaps]
    largest = [float(gap.max()) for gap in known if len(gap)]
    return max(largest, default=None)

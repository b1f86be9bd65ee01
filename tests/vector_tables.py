"""Tables of vectors that a network learns in a second, as files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.table.columns import TRACK174_COLUMNS

LABELS = ("blues", "disco", "metal")
EIGHT = tuple(f"feature_{number}" for number in range(1, 9))


def write_table(path: Path, columns: Sequence[str] = EIGHT, rows_per_label: int = 30, seed: int = 0) -> Path:
    """Of each label rows about a centre of its own, in scales from a thousandth to thousands; mels' powers positive."""
    random = np.random.default_rng(seed)
    scales = 10.0 ** random.uniform(-3, 3, len(columns))
    rows: list[list[object]] = []
    for label in LABELS:
        centre = random.normal(0, 2, len(columns))
        for _ in range(rows_per_label):
            values = (centre + random.normal(0, 1, len(columns))) * scales
            positive = [name.startswith("mel_spectrogram") for name in columns]
            rows.append([*np.where(positive, 10.0 ** np.clip(values / scales, -4, 4), values).tolist(), label])
    return write_rows(path, [*columns, "label"], rows)


def write_tracks(path: Path, order: Sequence[str] = TRACK174_COLUMNS, rows_per_label: int = 20) -> Path:
    """A table with the columns of the front end track174, in another order if asked for."""
    write_table(path, TRACK174_COLUMNS, rows_per_label)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return write_rows(path, [*order, "label"], [[row[name] for name in (*order, "label")] for row in rows])


def write_rows(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
    return path

"""Which rows of a table teach, which stop the teaching, which judge: each label in the same share of all three."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from export.data.clip import Split
from export.errors import InputUnusable
from export.table.vector_table import Ints, VectorTable

TEST: Final = 0.2  # of all rows
VALIDATION: Final = 0.125  # of the others: a tenth of all
_FEWEST: Final = 3  # rows of a label: one in each split


@dataclass(frozen=True, slots=True, eq=False)
class RowSplits:
    """Places of rows, int64 (n,) each."""

    train: Ints
    validation: Ints
    test: Ints

    def of_rows(self) -> dict[int, Split]:
        """The split of each row."""
        each: tuple[tuple[Split, Ints], ...] = (
            ("train", self.train),
            ("validation", self.validation),
            ("test", self.test),
        )
        return {row: split for split, rows in each for row in rows.tolist()}


def split_rows(table: VectorTable, seed: int, test: float = TEST, validation: float = VALIDATION) -> RowSplits:
    """test: a share of all rows; validation: a share of the rest. InputUnusable where a label has too few rows."""
    if not (0 < test < 1 and 0 < validation < 1):
        raise InputUnusable(f"shares of {test:g} (test) and {validation:g} (validation): must be between 0 and 1")
    counts = np.bincount(table.labels, minlength=len(table.label_names))
    few = [f"{name} ({count})" for name, count in zip(table.label_names, counts, strict=True) if count < _FEWEST]
    if few:
        raise InputUnusable(
            f"{table.path}: too few rows of {', '.join(few)}: a label needs {_FEWEST}, to train, validate and test"
        )
    try:
        rest, tested = _drawn(np.arange(len(table.labels)), table.labels, test, seed)
        train, validated = _drawn(rest, table.labels[rest], validation, seed)
    except ValueError as error:
        raise InputUnusable(f"{table.path}: {len(table.labels)} rows cannot be split so: {error}") from None
    for name, rows in (("train", train), ("validation", validated), ("test", tested)):
        absent = sorted(set(range(len(counts))) - set(table.labels[rows].tolist()))
        if absent:
            raise InputUnusable(f"{table.path}: no row of {table.label_names[absent[0]]} came to {name}: too few rows")
    return RowSplits(train, validated, tested)


def _drawn(rows: Ints, labels: Ints, share: float, seed: int) -> tuple[Ints, Ints]:
    from sklearn.model_selection import train_test_split  # a second to import, which music need not wait for

    kept, drawn = train_test_split(rows, test_size=share, stratify=labels, random_state=seed)
    return np.asarray(kept), np.asarray(drawn)

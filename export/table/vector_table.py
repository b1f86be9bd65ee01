"""A table of vectors: CSV, one track a row, a number in every column but the label's."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.table_rows import Row, csv_rows, decoded
from export.errors import InputUnusable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LARGEST: Final = float(np.finfo(np.float32).max)
_NAMED: Final = 5  # columns that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class VectorTable:
    """Tracks as vectors.

    columns: the features' names, (n_columns,). features: float64 (n_rows, n_columns), finite. labels: int64 (n_rows,),
    each the place of a name in `label_names`, which are in alphabetical order. lines: of the file, 1 the header's.
    """

    path: Path
    columns: tuple[str, ...]
    features: Floats
    label_names: tuple[str, ...]
    labels: Ints
    lines: tuple[int, ...]

    @property
    def row_hashes(self) -> list[str]:
        """SHA-256 of each row's numbers: what is the same has the same."""
        return [hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest() for row in self.features]

    @property
    def repeated(self) -> int:
        """Rows whose numbers an earlier row has, too."""
        return len(self.labels) - len(set(self.row_hashes))

    def only(self, rows: Sequence[int]) -> "VectorTable":
        """The table with these rows alone; labels without a row remain."""
        features, labels = self.features[list(rows)], self.labels[list(rows)]
        return VectorTable(
            self.path, self.columns, features, self.label_names, labels, tuple(self.lines[row] for row in rows)
        )

    def without_repeats(self) -> "VectorTable":
        """Of rows with the same numbers the first alone."""
        first: dict[str, int] = {}
        for row, name in enumerate(self.row_hashes):
            first.setdefault(name, row)
        return self.only(list(first.values()))


def read_vector_table(path: Path, label: str = "label", leave_out: Sequence[str] = ()) -> VectorTable:
    """The table of a CSV file (or with tabs, or semicolons); leave_out: columns that are no features.

    InputUnusable names the line and the column.
    """
    try:
        text = decoded(path.read_bytes(), path.name)
    except OSError as error:
        raise InputUnusable(f"{path} cannot be read: {error.strerror}") from None
    head, rows = csv_rows(text, path.name)
    columns = _columns(head, path, label, leave_out)
    names, vectors, lines = [], [], []
    for row in rows:
        if not any((cell or "").strip() for cell in row.fields.values()):
            continue
        names.append(_label(row, label.lower()))
        vectors.append([_number(row, column) for column in columns])
        lines.append(row.line)
    counts = Counter(names)
    if len(counts) < 2:
        found = f"one label alone, {names[0]}" if names else "no rows"
        raise InputUnusable(f"{path}: {found}: nothing to tell apart")
    known = tuple(sorted(counts))
    place = {name: number for number, name in enumerate(known)}
    labels = np.array([place[name] for name in names], np.int64)
    return VectorTable(path, columns, np.array(vectors, np.float64), known, labels, tuple(lines))


def _columns(head: Sequence[str], path: Path, label: str, leave_out: Sequence[str]) -> tuple[str, ...]:
    """The header's names but those of the label and of what is left out."""
    twice = [name for name, count in Counter(head).items() if count > 1]
    if twice:
        raise InputUnusable(f"{path}: {_listed(twice)} is the name of several columns")
    others = {label.lower(): "table.label names the labels' column"}
    others |= dict.fromkeys((name.lower() for name in leave_out), "of table.without")
    for name, said in others.items():
        if name not in head:
            shown = f"it has {_listed(head)}" if any(head) else "the file is empty"
            raise InputUnusable(f"{path}: no column {name} ({said}); {shown}")
    columns = tuple(name for name in head if name not in others)
    if not columns:
        raise InputUnusable(f"{path}: no columns beside {label}: there is nothing to learn from")
    return columns


def _label(row: Row, column: str) -> str:
    name = (row.fields[column] or "").strip()
    if not name:
        raise InputUnusable(f"{row.where}: column {column}: the row has no label")
    return str(name)


def _number(row: Row, column: str) -> float:
    cell, where = (row.fields[column] or "").strip(), row.where
    try:
        value = float(cell)
    except ValueError:
        found = f"{cell!r} is no number" if cell else "the cell is empty"
        raise InputUnusable(
            f"{where}: column {column}: {found}; --set 'table.without=[\"{column}\"]' leaves the column out, if it "
            "is no feature"
        ) from None
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise InputUnusable(f"{where}: column {column}: {cell} is no number that can be learnt from; mend the row")
    return value


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

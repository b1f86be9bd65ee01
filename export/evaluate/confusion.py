"""What is taken for what: the matrix, and the pairs that are confused most."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.evaluate.rows import Bools, Floats, Rows

EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A track that was confused: its file, the window in which it was heard most wrongly, the track's two scores."""

    path: Path
    window: int
    true_score: float
    heard_score: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Tracks of the label `true` that were heard as `heard`; share: of all tracks of `true`."""

    true: str
    heard: str
    count: int
    share: float
    examples: tuple[Example, ...]


def confusion(truth: Bools, scores: Floats) -> npt.NDArray[np.int64]:
    """(n_labels, n_labels): rows what is true, columns what scored highest; of truth and scores (n, n_labels).

    Where a clip has several labels each of them counts it: on the diagonal when what scored highest is one of the
    clip's labels, else in the column of what scored highest.
    """
    n_labels = truth.shape[1]
    found = np.zeros((n_labels, n_labels), np.int64)
    rows, labels = np.nonzero(truth)
    first = scores.argmax(axis=1)[rows]
    right = truth[rows, first]
    np.add.at(found, (labels, np.where(right, labels, first)), 1)
    return found


def confused_pairs(rows: Rows, most: int) -> tuple[Pair, ...]:
    """The pairs most often confused, tracks counted; at most `most`, each with the clearest examples."""
    matrix = confusion(rows.truth, rows.tracks)
    support = rows.truth.sum(axis=0)
    wrong = matrix * ~np.eye(len(matrix), dtype=bool)
    share = wrong / np.maximum(support, 1)[:, np.newaxis]
    order = sorted(zip(*np.nonzero(wrong), strict=True), key=lambda at: (-wrong[at], -share[at], at))
    return tuple(
        Pair(
            rows.labels[true],
            rows.labels[heard],
            int(wrong[true, heard]),
            float(share[true, heard]),
            _examples(rows, int(true), int(heard)),
        )
        for true, heard in order[:most]
    )


def _examples(rows: Rows, true: int, heard: int) -> tuple[Example, ...]:
    """The tracks of the pair in which the wrong label leads most."""
    first = rows.tracks.argmax(axis=1)
    confused = np.flatnonzero(rows.truth[:, true] & (first == heard) & ~rows.truth[:, heard])
    lead = rows.tracks[confused, heard] - rows.tracks[confused, true]
    chosen = confused[np.argsort(-lead, kind="stable")[:EXAMPLES]]
    return tuple(
        Example(
            rows.clips[row].path, _worst_window(rows, row, true, heard), *map(float, rows.tracks[row, [true, heard]])
        )
        for row in chosen
    )


def _worst_window(rows: Rows, row: np.intp, true: int, heard: int) -> int:
    """The window of a track, by its number, in which `heard` leads `true` most."""
    own = np.flatnonzero(rows.owner == row)
    lead = rows.windows[own, heard] - rows.windows[own, true]
    return int(rows.number[own[lead.argmax()]])

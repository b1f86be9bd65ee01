"""How alike two models' scores are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.card import Label

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The mean and the largest difference of any score, and how often the highest genre is the same.

    rows: how many windows or tracks were compared.
    """

    rows: int
    mean_deviation: float
    largest_deviation: float
    genre_agreement: float


def likeness(found: Floats, wanted: Floats, labels: Sequence[Label]) -> Likeness:
    """Of `found` to `wanted`, (n, n_labels) each, n >= 1. Where no label is a genre, any label counts as one."""
    genres = [place for place, label in enumerate(labels) if label.kind == "genre"] or list(range(len(labels)))
    differences = np.abs(found - wanted)
    same = found[:, genres].argmax(axis=1) == wanted[:, genres].argmax(axis=1)
    return Likeness(len(found), float(differences.mean(dtype=np.float64)), float(differences.max()), float(same.mean()))

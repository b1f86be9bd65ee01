"""What a network should say of each window of a clip."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from export.data.clip import Clip
from export.data.decode import Floats
from export.errors import InputUnusable


class Targets(Protocol):
    """Gives a clip's targets."""

    def of(self, clip: Clip, n_windows: int) -> Floats:
        """float32 (n_windows, n_labels) in [0, 1], a row a window of the clip, silent windows included."""
        ...


class LabelTargets:
    """A clip's labels as ones among zeros, the same for each of its windows."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._place = {label: place for place, label in enumerate(labels)}

    def of(self, clip: Clip, n_windows: int) -> Floats:
        """float32 (n_windows, n_labels). InputUnusable for a label that is none of the set's."""
        row = np.zeros(len(self._place), np.float32)
        for label in clip.labels:
            if label not in self._place:
                raise InputUnusable(f"{clip.path}: its label {label!r} is not among the labels of the set")
            row[self._place[label]] = 1
        return np.tile(row, (n_windows, 1))

"""What teachers said of clips, kept: `<folder>/<model's sha[:16]>/<clip's sha[:2]>/<clip's sha>.npz`.

Named by content, so that a moved clip is not heard again and another version of a model has entries of its own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.cache import sha256_of
from export.data.clip import Clip
from export.data.features import Blocks, blocks_of
from export.data.kept_rows import read_rows, write_rows
from export.data.recipe import Recipe
from export.distil.teacher import Session, Teacher
from models.front_ends.network_input import network_input

Floats = npt.NDArray[np.float32]
_SESSIONS: Final[dict[str, Session]] = {}  # by the model's sha256


@dataclass(frozen=True, slots=True)
class HeardScores:
    """The scores of `teachers`, in `folder`. May be sent to other processes."""

    folder: Path
    teachers: tuple[Teacher, ...]

    def kept(self, clip: Clip) -> list[Floats] | None:
        """Each teacher's scores, float32 (n_windows, its labels), zeros where silent; None unless all are there."""
        digest = clip.sha256 or sha256_of(clip.path)
        found = [read_rows(self._entry(teacher, digest), len(teacher.card.labels)) for teacher in self.teachers]
        there = [scores for scores in found if scores is not None]
        return there if len(there) == len(found) else None

    def of(self, clip: Clip) -> list[Floats]:
        """As `kept`; asks the teachers for what is missing. UnreadableAudio, CannotWrite."""
        digest = clip.sha256 or sha256_of(clip.path)
        found: list[Floats] = []
        heard: dict[Recipe, Blocks] = {}
        for teacher in self.teachers:
            entry = self._entry(teacher, digest)
            scores = read_rows(entry, len(teacher.card.labels))
            if scores is None:
                if teacher.recipe not in heard:
                    heard[teacher.recipe] = blocks_of(clip.path, teacher.recipe)
                scores = _scores(teacher, heard[teacher.recipe])
                write_rows(entry, scores, "teachers' scores")
            found.append(scores)
        return found

    def _entry(self, teacher: Teacher, digest: str) -> Path:
        return self.folder / teacher.sha256[:16] / digest[:2] / f"{digest}.npz"


def _scores(teacher: Teacher, blocks: Blocks) -> Floats:
    recipe = teacher.recipe

    def window(place: int) -> Floats:
        return network_input(blocks.windows(recipe, np.array([place])), recipe.front_end)

    return _session(teacher).scores(window, blocks.silent(recipe))


def _session(teacher: Teacher) -> Session:
    """One a process."""
    if teacher.sha256 not in _SESSIONS:
        _SESSIONS[teacher.sha256] = Session(teacher)
    return _SESSIONS[teacher.sha256]

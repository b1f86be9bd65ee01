"""What teachers said of clips, kept: `<folder>/<model's sha[:16]>/<clip's sha[:2]>/<clip's sha>.npz`.

Named by content, so that a moved clip is not heard again and another version of a model has entries of its own.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from export.data.cache import sha256_of
from export.data.clip import Clip
from export.data.features import Blocks, blocks_of
from export.data.recipe import Recipe
from export.distil.teacher import Session, Teacher
from export.errors import CannotWrite
from models.network_input import network_input
from models.whole_file import whole_file

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
        found = [_read(self._entry(teacher, digest), len(teacher.card.labels)) for teacher in self.teachers]
        there = [scores for scores in found if scores is not None]
        return there if len(there) == len(found) else None

    def of(self, clip: Clip) -> list[Floats]:
        """As `kept`; asks the teachers for what is missing. UnreadableAudio, CannotWrite."""
        digest = clip.sha256 or sha256_of(clip.path)
        found: list[Floats] = []
        heard: dict[Recipe, Blocks] = {}
        for teacher in self.teachers:
            entry = self._entry(teacher, digest)
            scores = _read(entry, len(teacher.card.labels))
            if scores is None:
                if teacher.recipe not in heard:
                    heard[teacher.recipe] = blocks_of(clip.path, teacher.recipe)
                scores = _scores(teacher, heard[teacher.recipe])
                _write(entry, scores)
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


def _write(path: Path, scores: Floats) -> None:
    try:
        with whole_file(path) as file:
            np.savez_compressed(file, scores=scores)
    except OSError as error:
        raise CannotWrite(
            f"{path.parent}: teachers' scores cannot be kept ({error.strerror}); nothing was left half-written, and "
            "what is there will be used again"
        ) from None


def _read(path: Path, n_labels: int) -> Floats | None:
    """The entry, or None where there is none that is whole."""
    try:
        with np.load(path, allow_pickle=False) as entry:
            scores: Floats = entry["scores"]
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError):
        return None
    return scores if scores.ndim == 2 and scores.shape[1] == n_labels and scores.dtype == np.float32 else None

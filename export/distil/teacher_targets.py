"""A teacher's scores as what a student is to say of each window."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.data.cache_build import processors
from export.data.clip import Clip
from export.data.decode import UnreadableAudio
from export.data.worker_pool import Lost, each
from export.distil.heard_scores import HeardScores
from export.distil.teacher import Teacher, merged
from export.errors import InputUnusable
from export.progress import tracked
from models.card import Label

Floats = npt.NDArray[np.float32]


class TeacherTargets:
    """Targets from served models, kept in `folder`; the labels of several are merged (`export.distil.teacher`)."""

    def __init__(self, teachers: tuple[Teacher, ...], folder: Path) -> None:
        self.teachers = teachers
        self._scores = HeardScores(folder, teachers)
        self._merged = merged([teacher.card for teacher in teachers])

    @property
    def labels(self) -> tuple[Label, ...]:
        """In the order of the targets."""
        return self._merged.labels

    @property
    def merge(self) -> Floats:
        """The weights with which the teachers' scores, side by side, make the targets: (n_before, n_labels)."""
        return self._merged.weights

    def of(self, clip: Clip, n_windows: int) -> Floats:
        """float32 (n_windows, n_labels), zeros where a window is silent. UnreadableAudio, InputUnusable."""
        scores = self._scores.of(clip)
        if any(len(own) != n_windows for own in scores):
            raise InputUnusable(
                f"{clip.path}: the teachers hear {len(scores[0])} windows and the student {n_windows}: its window_s "
                "and hop_s must be theirs"
            )
        return self._merged.of(scores)

    def of_each(self, clip: Clip) -> list[Floats]:
        """Each teacher's own scores, (n_windows, its labels)."""
        return self._scores.of(clip)

    def prepare(self, clips: Sequence[Clip], workers: int = 0) -> int:
        """Let the teachers hear what they have not heard yet, in several processes (0: one a processor); how many.

        Begun again after a kill, it goes on. Clips that cannot be read are passed over: training leaves them out, too.
        """
        missing = [clip for clip in clips if self._scores.kept(clip) is None]
        heard = 0
        work = each(partial(_heard, self._scores), missing, workers or processors())
        for _, outcome in tracked(work, len(missing), "teachers listening"):
            heard += outcome is True and not isinstance(outcome, Lost)
        return heard


def _heard(scores: HeardScores, clip: Clip) -> bool:
    """In a worker."""
    try:
        scores.of(clip)
    except UnreadableAudio:
        return False
    return True

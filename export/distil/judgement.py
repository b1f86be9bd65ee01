"""How well a student speaks for its teachers, on music that neither training nor the choice of an epoch has heard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.decode import UnreadableAudio
from export.distil.likeness import Likeness, likeness
from export.distil.teacher_targets import TeacherTargets
from export.errors import InputUnusable
from export.evaluate.scoring import Scorer, score_clips
from export.progress import tracked
from models.card import Label

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """windows, tracks: the student beside the merged teachers. each: the same beside one teacher alone, by its name."""

    windows: Likeness
    tracks: Likeness
    each: dict[str, "Judgement"]


def judge(student: Scorer, targets: TeacherTargets, clips: Sequence[Clip], cache: FeatureCache) -> Judgement:
    """Compare on `clips`, with features from `cache`, of the student's recipe. InputUnusable when none can be used.

    The student's labels must be those of the targets.
    """
    if student.labels != targets.labels:
        raise InputUnusable(f"{student.name} has other labels than its teachers")
    found, wanted, own = [], [], []
    for clip in tracked(clips, len(clips), "judging"):
        for scores, loud in _student(student, clip, cache):
            found.append(scores)
            wanted.append(targets.of(clip, len(loud))[loud])
            own.append([each[loud] for each in targets.of_each(clip)])
    if not found:
        raise InputUnusable("none of the held-out clips has a window that is not silent: nothing to judge on")
    names = [label.name for label in targets.labels]
    each = {}
    for place, teacher in enumerate(targets.teachers):
        columns = [names.index(name) for name in teacher.card.label_names]
        ours, theirs = [scores[:, columns] for scores in found], [scores[place] for scores in own]
        each[teacher.name] = _judgement(ours, theirs, teacher.card.labels, {})
    return _judgement(found, wanted, targets.labels, each)


def _judgement(
    found: Sequence[Floats], wanted: Sequence[Floats], labels: Sequence[Label], each: dict[str, Judgement]
) -> Judgement:
    """Of clips, each (n_windows, n_labels)."""
    windows = likeness(np.concatenate(found), np.concatenate(wanted), labels)
    return Judgement(windows, likeness(_means(found), _means(wanted), labels), each)


def _student(student: Scorer, clip: Clip, cache: FeatureCache) -> Iterator[tuple[Floats, npt.NDArray[np.bool_]]]:
    """Its scores of the windows that are not silent, and which these are; nothing of a clip that cannot be used."""
    try:
        (scored,) = score_clips(student, [clip], cache)
    except UnreadableAudio:
        return
    if not scored.silent.all():
        yield scored.heard, ~scored.silent


def _means(clips: Sequence[Floats]) -> Floats:
    """Each clip's own scores, as the daemon has them: the means over its windows, (n_clips, n_labels)."""
    return np.stack([scores.mean(axis=0, dtype=np.float64) for scores in clips]).astype(np.float32)

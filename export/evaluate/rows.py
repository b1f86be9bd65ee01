"""Scores of many clips, side by side with what is true of them: a row a track, a row a window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.data.clip import Clip
from export.evaluate.scoring import ClipScores

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What is judged. n tracks and their m windows that are not silent; of L labels.

    clips: of the tracks. truth, tracks: (n, L). windows: (m, L); owner: (m,), the row of each window's track; number:
    (m,), which window of its track it is. unlabelled, unheard: clips that cannot be judged: no label of them is judged,
    or no window of them is whole and loud enough.
    """

    labels: tuple[str, ...]
    clips: tuple[Clip, ...]
    truth: Bools
    tracks: Floats
    windows: Floats
    owner: npt.NDArray[np.intp]
    number: npt.NDArray[np.intp]
    unlabelled: tuple[Clip, ...] = ()
    unheard: tuple[Clip, ...] = ()

    @property
    def window_truth(self) -> Bools:
        """(m, L): what is true of a track is taken to be true of its windows."""
        return np.asarray(self.truth[self.owner])

    def of(self, clips: Iterable[Clip]) -> "Rows":
        """Only these tracks, and in this order; each must be there."""
        places = {clip.path: place for place, clip in enumerate(self.clips)}
        kept = np.array([places[clip.path] for clip in clips], np.intp)
        where = np.full(len(self.clips), -1, np.intp)
        where[kept] = np.arange(len(kept))
        owner = where[self.owner]
        inside = owner >= 0
        return Rows(
            self.labels,
            tuple(self.clips[place] for place in kept),
            self.truth[kept],
            self.tracks[kept],
            self.windows[inside],
            owner[inside],
            self.number[inside],
        )


def rows_of(
    scored: Iterable[ClipScores], model_labels: Sequence[str], labels: Sequence[str], multi_label: bool
) -> Rows:
    """The rows of scored clips; `labels` are those that are judged, all of them in `model_labels`."""
    places = [list(model_labels).index(name) for name in labels]
    clips: list[Clip] = []
    tracks: list[Floats] = []
    windows: list[Floats] = []
    numbers: list[npt.NDArray[np.intp]] = []
    unlabelled, unheard = [], []
    for each in scored:
        track = each.track
        if not _is_labelled(each.clip, labels, multi_label):
            unlabelled.append(each.clip)
        elif track is None:
            unheard.append(each.clip)
        else:
            clips.append(each.clip)
            tracks.append(track[places])
            windows.append(each.heard[:, places])
            numbers.append(np.flatnonzero(~each.silent))
    truth = np.array([[name in clip.labels for name in labels] for clip in clips], bool).reshape(-1, len(labels))
    none = np.zeros((0, len(labels)), np.float32)
    return Rows(
        tuple(labels),
        tuple(clips),
        truth,
        np.stack(tracks) if tracks else none,
        np.concatenate([none, *windows]),
        np.repeat(np.arange(len(clips)), [len(each) for each in windows]),
        np.concatenate([np.zeros(0, np.intp), *numbers]),
        tuple(unlabelled),
        tuple(unheard),
    )


def _is_labelled(clip: Clip, labels: Sequence[str], multi_label: bool) -> bool:
    """With several labels a clip, one that has none of those judged still says what it is not."""
    return bool(clip.labels) if multi_label else any(name in labels for name in clip.labels)

"""Which windows an epoch takes: all of them, or a draw that gives each label its due. Pure, in numpy alone.

Clips are numbered as they are given; a window is a pair (clip, place), place counting the clip's windows that can be
used. With labels to balance a window is drawn *for* a label: of a clip with two labels it may be drawn for each.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# "none": every window once. "labels": each label equally often, as many windows in all as there are (or
# windows_per_label each), those of rare labels several times. "undersample": at most windows_per_label each, once.
Balance = Literal["none", "labels", "undersample"]


def epoch_windows(
    counts: Ints,
    labels: Sequence[Sequence[str]],
    rng: np.random.Generator,
    balance: Balance = "none",
    windows_per_label: int | None = None,
    windows_per_clip: int | None = None,
) -> Ints:
    """The windows of one epoch, int64 (n, 2) of (clip, place), in no particular order.

    counts: (n_clips,), usable windows of each clip; labels: of each clip, those without any are a group of their own.
    windows_per_clip: at most so many of each clip, others in each epoch, before labels are balanced.
    How many there are is the same for every `rng`.
    """
    clips = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(clips)) - np.repeat(np.cumsum(counts) - counts, counts)
    if windows_per_clip is not None:
        kept = _first_of_each_clip(clips, windows_per_clip, rng)
        clips, places = clips[kept], places[kept]
    windows = np.stack([clips, places], axis=1)
    if balance == "none" or not len(windows):
        return windows
    groups = _windows_by_label(clips, labels)
    if balance == "undersample":
        if windows_per_label is None:
            raise ValueError("undersampling wants windows_per_label")
        draws = [_drawn(group, min(len(group), windows_per_label), rng) for group in groups]
    else:
        each = windows_per_label or -(-len(windows) // len(groups))
        draws = [_drawn(group, each, rng) for group in groups]
    return windows[np.concatenate(draws)]


def _first_of_each_clip(clips: Ints, most: int, rng: np.random.Generator) -> Ints:
    """Which windows stay when each clip keeps at most `most`, at random; `clips` ascends."""
    order = np.lexsort((rng.random(len(clips)), clips))
    ordered = clips[order]
    rank = np.arange(len(clips)) - np.searchsorted(ordered, ordered)
    return order[rank < most]


def _windows_by_label(clips: Ints, labels: Sequence[Sequence[str]]) -> list[Ints]:
    """For each label that has windows, in alphabetical order, the rows of its windows."""
    members: dict[str, list[int]] = {}
    for clip in np.unique(clips).tolist():
        for label in set(labels[clip]) or {""}:
            members.setdefault(label, []).append(clip)
    return [np.flatnonzero(np.isin(clips, members[label])) for label in sorted(members)]


def _drawn(group: Ints, n: int, rng: np.random.Generator) -> Ints:
    """`n` of `group`: each as often as any other, or once more."""
    whole = np.tile(group, n // len(group))
    return np.concatenate([whole, rng.choice(group, n % len(group), replace=False)])

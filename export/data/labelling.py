"""The labels of a set out of the words of a source: by the label map, then by what the readable clips hold. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from export.data.clip import Clip
from export.data.label_map import LabelMap, frequent
from export.data.listing import Listing, Skipped
from export.errors import InputUnusable


def mapped(clips: Sequence[Clip], label_map: LabelMap) -> tuple[list[Clip], list[Skipped]]:
    """The clips with their labels, and those that have none."""
    named = [replace(clip, labels=label_map.labels_of(clip.labels)) for clip in clips]
    skipped = [
        Skipped(after.path, "no label is left after the label map" if before.labels else "has no label")
        for before, after in zip(clips, named, strict=True)
        if not after.labels
    ]
    return [clip for clip in named if clip.labels], skipped


def labelled(clips: Sequence[Clip], label_map: LabelMap) -> tuple[tuple[str, ...], list[Clip], list[Skipped]]:
    """The set's labels in the order of the outputs, its clips with those among theirs, and clips left out."""
    several = [clip for clip in clips if len(clip.labels) > 1 and label_map.multi_label is False]
    single = [clip for clip in clips if len(clip.labels) == 1 or label_map.multi_label is not False]
    skipped = [Skipped(clip.path, "has several labels, and the set one a clip") for clip in several]
    labels = tuple(frequent((clip.labels for clip in single), label_map))
    if not labels:
        raise InputUnusable(f"no label has the {label_map.min_clips} clips that min_clips of the label map wants")
    kept = [replace(clip, labels=tuple(name for name in clip.labels if name in labels)) for clip in single]
    skipped += [Skipped(clip.path, "its labels are not among the most frequent") for clip in kept if not clip.labels]
    return labels, [clip for clip in kept if clip.labels], skipped


def check_promised(listing: Listing, named: Sequence[Clip], usable: Sequence[Clip], label_map: LabelMap) -> None:
    """InputUnusable when a label that the source or the map names has no usable clip.

    Not where the map leaves labels with few clips out anyway.
    """
    promised = {*label_map.labels_of(sorted(listing.promised)), *label_map.merge, *_labels_of(named)}
    absent = sorted(promised - _labels_of(usable))
    if absent and not (label_map.min_clips or label_map.top_n):
        raise InputUnusable(
            f"no usable clip has the label {', '.join(map(repr, absent))}: add music, or leave the label out "
            "(drop, or its line of merge, in the label map)"
        )


def check_enough(labels: Sequence[str]) -> None:
    """InputUnusable for a single label."""
    if len(labels) == 1:
        raise InputUnusable(
            f"all clips have the one label {labels[0]!r}, and a tagger needs two. Is the source one folder too deep, "
            "or is the genre another part of the path (--genre-from)? --one-label-ok makes the set all the same"
        )


def multi_label(clips: Iterable[Clip], label_map: LabelMap) -> bool:
    """Whether a clip of the set may have several labels: as the map says, else as the clips are."""
    if label_map.multi_label is not None:
        return label_map.multi_label
    return any(len(clip.labels) > 1 for clip in clips)


def label_notes(labels: Sequence[str], label_map: LabelMap) -> list[str]:
    """What looks like a mistake in the labels, a sentence each."""
    alike: dict[str, list[str]] = {}
    for name in labels:
        alike.setdefault("".join(sign for sign in name.casefold() if sign.isalnum()), []).append(name)
    notes = [
        f"the labels {' and '.join(map(repr, names))} are nearly the same: merge them?"
        for names in alike.values()
        if len(names) > 1
    ]
    unknown = sorted(set(label_map.kinds) - set(labels))
    return [*notes, *(f"kinds of the label map names {name!r}, which is no label of this set" for name in unknown)]


def _labels_of(clips: Iterable[Clip]) -> set[str]:
    return {label for clip in clips for label in clip.labels}

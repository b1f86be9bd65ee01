"""Clips that are one recording: bound together, counted, or reduced to one file. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from export.data.clip import SPLITS, Clip
from export.data.duplicates import same_audio
from export.data.fingerprint import Fingerprint
from export.data.groups import chained, connected
from export.data.listening import Heard
from export.data.listing import Skipped


def bound(clips: Sequence[Clip], heard: Sequence[Heard]) -> list[Clip]:
    """The clips (which know their sha256) with their recording: one name for all of the same audio, or picture."""
    pairs = chained(clip.sha256 for clip in clips)
    pairs += chained(taken.content if isinstance(taken.content, str) else None for taken in heard)
    of_bytes = {clip.sha256: n for n, clip in enumerate(clips)}  # equal files are compared once
    audible = [(n, heard[n].content) for n in of_bytes.values()]
    prints = [(n, content) for n, content in audible if isinstance(content, Fingerprint)]
    pairs += [(prints[left][0], prints[right][0]) for left, right in same_audio([one for _, one in prints])]
    result = list(clips)
    for group in connected(len(clips), pairs):
        name = min(clips[n].sha256 or "" for n in group)[:16]
        for n in group:
            result[n] = replace(clips[n], recording=name)
    return result


def duplicates(clips: Sequence[Clip]) -> tuple[tuple[Clip, ...], ...]:
    """The clips of each recording that has more than one."""
    groups = connected(len(clips), chained(clip.recording for clip in clips))
    return tuple(tuple(clips[n] for n in group) for group in groups if len(group) > 1)


def one_of_each(clips: Sequence[Clip]) -> tuple[list[Clip], list[Skipped]]:
    """One clip of each recording, and the others: a test's before a training's, the longest, the first by its path."""
    kept: list[Clip] = []
    skipped: list[Skipped] = []
    for group in connected(len(clips), chained(clip.recording for clip in clips)):
        first, *others = sorted((clips[n] for n in group), key=_preference)
        kept.append(first)
        skipped += [Skipped(clip.path, f"the same audio as {first.path}") for clip in others]
    return kept, skipped


def _preference(clip: Clip) -> tuple[int, float, str]:
    return -SPLITS.index(clip.split) if clip.split else 0, -(clip.duration_s or 0.0), str(clip.path)

"""What each model says of the clips of a split, and the tracks that all of them have heard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from export.compare.entrants import Entrant
from export.data.clip import Clip, Split
from export.errors import InputUnusable
from export.evaluate.candidate import same_tracks
from export.evaluate.comparison import Judged
from export.evaluate.notes import why_nothing
from export.evaluate.rows import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """own: all that this model heard. judged: the tracks that every model did, in the same order.

    refused: clips that could not be heard, and why. thresholds_from: in words; None with one label a clip.
    """

    entrant: Entrant
    own: Rows
    judged: Judged
    refused: Mapping[Path, str]
    thresholds_from: str | None


def hear(entrants: Sequence[Entrant], clips: Sequence[Clip], split: Split, workers: int) -> tuple[Heard, ...]:
    """All models on all clips. InputUnusable where there is nothing that one can be judged by, or all have heard."""
    each = [_heard(entrant, clips, split, workers) for entrant in entrants]
    common = same_tracks(*(one.own for one in each))
    if not common[0].truth.any():
        raise InputUnusable("the models have heard no track in common: each was too short or silent for one of them")
    return tuple(
        replace(one, judged=Judged(rows, one.judged.thresholds)) for one, rows in zip(each, common, strict=True)
    )


def _heard(entrant: Entrant, clips: Sequence[Clip], split: Split, workers: int) -> Heard:
    candidate = entrant.candidate
    readable, refused = candidate.readable(clips, workers)
    rows = candidate.rows(candidate.scored(readable, f"{entrant.name}: scoring"), candidate.alignment.labels)
    if not rows.truth.any():
        music = candidate.music
        why = why_nothing(rows, refused)
        raise InputUnusable(f"{music.folder}: nothing to judge {entrant.name} by in split {split}: {why}")
    validation = candidate.validation(split, workers) if candidate.music.multi_label else None  # for thresholds alone
    judged, thresholds_from = candidate.judged(rows, validation)
    return Heard(entrant, rows, judged, refused, thresholds_from)

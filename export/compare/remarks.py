"""What a reader of a comparison must know, a sentence each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from export.compare.entrants import Entrant
from export.compare.hearing import Heard
from export.compare.side_by_side import ModelLine
from export.data.clip import Split
from export.evaluate.alignment import listed
from export.evaluate.learnt_note import fingerprint_of
from export.evaluate.notes import notes


def remarks(
    heard: Sequence[Heard], lines: Sequence[ModelLine], split: Split, learnt_notes: Sequence[str | None]
) -> tuple[str, ...]:
    """All of them; what holds for every model is said once."""
    return (
        *_of_models(heard, split, learnt_notes),
        *_of_tracks(heard),
        *_of_thresholds(heard),
        *_of_sets([each.entrant for each in heard]),
        *_of_files(lines),
    )


def _of_models(heard: Sequence[Heard], split: Split, learnt_notes: Sequence[str | None]) -> Iterator[str]:
    said_of: dict[str, list[str]] = defaultdict(list)
    for each, note in zip(heard, learnt_notes, strict=True):
        for said in notes(each.entrant.candidate.alignment, each.own, each.refused, split, [note]):
            said_of[said].append(each.entrant.name)
    for said, names in said_of.items():
        # A note on what was learnt names its model itself.
        yield said if len(names) == len(heard) or said in learnt_notes else f"{listed(names)}: {said}"


def _of_tracks(heard: Sequence[Heard]) -> Iterator[str]:
    common = len(heard[0].judged.rows.clips)
    more = [f"{each.entrant.name} heard {len(each.own.clips)}" for each in heard if len(each.own.clips) > common]
    if more:
        yield f"Compared are the {common} tracks that every model could hear; {listed(more)}."
    recipes = [each.entrant.scorer.recipe for each in heard]
    if len({(recipe.window_s, recipe.hop_s) for recipe in recipes}) > 1:
        yield "Not all hear the same windows: figures of windows are each model's own; those of tracks can be compared."


def _of_thresholds(heard: Sequence[Heard]) -> Iterator[str]:
    """Where clips have several labels: macro F1 is of decisions, and these are of thresholds."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in heard:
        if each.thresholds_from is not None:
            names[each.thresholds_from].append(each.entrant.name)
    for origin, of in names.items():
        yield f"Thresholds of {'all models' if len(of) == len(heard) else listed(of)}: {origin}."


def _of_sets(entrants: Sequence[Entrant]) -> Iterator[str]:
    origins = {fingerprint_of(each.scorer.origin) for each in entrants} - {None}
    if len(origins) > 1:
        yield (
            f"The models were trained on {len(origins)} different music sets (or states of one): differences between "
            "them may be differences of the music."
        )


def _of_files(lines: Sequence[ModelLine]) -> Iterator[str]:
    same: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        same[line.facts.sha256].append(line.name)
    for names in same.values():
        if len(names) > 1:
            yield f"{listed(names)} are the same file, byte for byte."
    if len({line.speed.runtime for line in lines}) > 1:
        yield (
            "Checkpoints were timed in PyTorch, ONNX files in ONNX Runtime, where the same network is mostly quicker: "
            "convert all of them to compare times."
        )

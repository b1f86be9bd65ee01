"""Several models and a set in, a comparison out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from export.compare.curves import curve_of
from export.compare.entrants import named, open_entrants
from export.compare.hearing import Heard, hear
from export.compare.leads import Drawn, leads
from export.compare.parameters import parameters_of
from export.compare.remarks import remarks
from export.compare.side_by_side import Figures, ModelLine, Music, SideBySide, Speed, Versus
from export.compare.speed import measure
from export.data.clip import Split
from export.data.music_set import MusicSet
from export.evaluate.bootstrap import RESAMPLES, Draws
from export.evaluate.candidate import clips_of
from export.evaluate.measuring import intervals, label_lines, resampled, resampled_windows
from export.evaluate.metrics import figures
from export.evaluate.scoring import Scorer
from export.evaluate.torch_scorer import TorchScorer
from export.progress import tracked
from models.front_ends.description import hears


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. cache: the folder of features. against: a model's name; None: the best by macro F1."""

    cache: Path
    split: Split = "test"
    against: str | None = None
    common_labels: bool = False
    resamples: int = RESAMPLES
    workers: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """A model's line, and what was drawn for it: of tracks and of windows."""

    line: ModelLine
    tracks: Draws
    windows: Draws


def compare_models(
    given: Sequence[str], music: MusicSet, options: Options, told: Callable[[str], object] = lambda _: None
) -> SideBySide:
    """Judge the models (see `open_entrants`) on the clips of a split of `music`. InputUnusable, ExportError.

    told: hears, before hours of listening, the notes that must be known then, a sentence each.
    """
    entrants = open_entrants(given, music, options.cache, options.common_labels)
    asked = None if options.against is None else named(entrants, options.against)
    clips = clips_of(music, options.split)
    learnt_notes = [entrant.candidate.learnt_note(options.split, entrant.name) for entrant in entrants]
    for note in filter(None, learnt_notes):
        told(note)
    heard = hear(entrants, clips, options.split, options.workers)
    speeds = measure([entrant.scorer for entrant in entrants])
    each = [
        _measured(one, speed, music.multi_label, options.resamples)
        for one, speed in tracked(zip(heard, speeds, strict=True), len(heard), "resampling")
    ]
    lines = tuple(one.line for one in each)
    place = _best(lines) if asked is None else entrants.index(asked)
    return SideBySide(
        music=Music(music.folder, music.fingerprint, options.split, music.multi_label, len(heard[0].judged.rows.clips)),
        models=lines,
        against=lines[place].name,
        chosen=asked is None,
        versus=_versus(place, each, heard),
        notes=remarks(heard, lines, options.split, learnt_notes),
    )


def _best(lines: Sequence[ModelLine]) -> int:
    """The place of the one with the highest macro F1 of tracks; of several such, the first."""
    return max(range(len(lines)), key=lambda place: lines[place].tracks.values["macro_f1"])


def _measured(heard: Heard, speed: Speed, multi_label: bool, resamples: int) -> _Measured:
    judged, entrant = heard.judged, heard.entrant
    rows, scorer = judged.rows, entrant.scorer
    tracks = resampled(judged, multi_label, resamples)
    windows = resampled_windows(judged, multi_label, resamples)
    line = ModelLine(
        name=entrant.name,
        facts=replace(entrant.candidate.facts(), name=entrant.name),
        network=_network(scorer),
        hears=hears(scorer.recipe.front_end, scorer.recipe.window_s, scorer.recipe.hop_s),
        parameters=parameters_of(scorer),
        file_bytes=scorer.path.stat().st_size,
        n_windows=len(rows.windows),
        tracks=Figures(figures(rows.truth, rows.tracks, multi_label, judged.thresholds), intervals(tracks)),
        windows=Figures(figures(rows.window_truth, rows.windows, multi_label, judged.thresholds), intervals(windows)),
        labels=label_lines(judged, tracks, multi_label),
        speed=speed,
        curve=curve_of(entrant.path),
    )
    return _Measured(line, tracks, windows)


def _versus(reference: int, each: Sequence[_Measured], heard: Sequence[Heard]) -> tuple[Versus, ...]:
    """All but the reference against it; on windows those that hear the same ones."""
    others = [place for place in range(len(each)) if place != reference]
    alike = [place for place in others if _same_windows(heard[reference], heard[place])]
    tracks = leads(*_split([Drawn(one.line.tracks.values, one.tracks) for one in each], reference, others))
    windows = leads(*_split([Drawn(one.line.windows.values, one.windows) for one in each], reference, alike))
    of_windows = dict(zip(alike, windows, strict=True))
    return tuple(
        Versus(each[place].line.name, found, of_windows.get(place, {}))
        for place, found in zip(others, tracks, strict=True)
    )


def _split(drawn: Sequence[Drawn], reference: int, others: Sequence[int]) -> tuple[Drawn, list[Drawn]]:
    return drawn[reference], [drawn[place] for place in others]


def _same_windows(one: Heard, other: Heard) -> bool:
    ours, theirs = one.entrant.scorer.recipe, other.entrant.scorer.recipe
    if (ours.window_s, ours.hop_s) != (theirs.window_s, theirs.hop_s):
        return False
    first, second = one.judged.rows, other.judged.rows
    return np.array_equal(first.owner, second.owner) and np.array_equal(first.number, second.number)


def _network(scorer: Scorer) -> str | None:
    """The checkpoint's, or the one that the card's provenance names."""
    found = scorer.spec.network if isinstance(scorer, TorchScorer) else scorer.origin.get("network")
    return found if isinstance(found, str) else None

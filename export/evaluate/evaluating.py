"""A model and a set in, an evaluation out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.data.clip import Split
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.bootstrap import RESAMPLES
from export.evaluate.candidate import Candidate, candidate_of, clips_of, same_tracks
from export.evaluate.comparison import Comparison, compare
from export.evaluate.confusion import confused_pairs, confusion
from export.evaluate.evaluation import Calibration, Evaluation, SetFacts
from export.evaluate.measuring import calibration, intervals, label_lines, resampled
from export.evaluate.metrics import figures
from export.evaluate.notes import notes, why_nothing
from export.evaluate.rows import Rows
from export.evaluate.scoring import ClipScores, open_scorer

MOST_PAIRS: Final = 10


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. cache: the folder of features. resamples: of the bootstrap. workers: that fill the cache."""

    cache: Path
    split: Split = "test"
    common_labels: bool = False
    streaming: bool = False
    compare: Path | None = None
    resamples: int = RESAMPLES
    workers: int = 1


def evaluate(
    model: Path, music: MusicSet, options: Options, told: Callable[[str], object] = lambda _: None
) -> Evaluation:
    """Judge the model at `model` (see `open_scorer`) on a split of `music`. InputUnusable, ExportError.

    told: hears, before hours of listening, the notes that must be known then, a sentence each.
    """
    candidate = _candidate(model, music, options)
    other = None if options.compare is None else _candidate(options.compare, music, options)
    of_split = clips_of(music, options.split)
    learnt = [each.learnt_note(options.split) for each in (candidate, other) if each is not None]
    for note in filter(None, learnt):
        told(note)
    clips, refused = candidate.readable(of_split, options.workers)
    scored, streaming = candidate.scored(clips, f"scoring {options.split}"), None
    if options.streaming:
        scored, streaming = candidate.streamed(scored)
    rows = candidate.rows(scored, candidate.alignment.labels)
    if not rows.truth.any():
        raise InputUnusable(f"{music.folder}: nothing to judge in split {options.split}: {why_nothing(rows, refused)}")
    validation = candidate.validation(options.split, options.workers)
    judged, thresholds_from = candidate.judged(rows, validation)
    multi_label = music.multi_label
    drawn = resampled(judged, multi_label, options.resamples)
    return Evaluation(
        model=candidate.facts(),
        music=_set_facts(music, options.split, rows),
        labels=label_lines(judged, drawn, multi_label),
        tracks=figures(rows.truth, rows.tracks, multi_label, judged.thresholds),
        windows=figures(rows.window_truth, rows.windows, multi_label, judged.thresholds),
        intervals=intervals(drawn),
        confusion=tuple(tuple(map(int, row)) for row in confusion(rows.truth, rows.tracks)),
        pairs=confused_pairs(rows, MOST_PAIRS),
        calibration=_calibration(candidate, rows, validation),
        thresholds_from=thresholds_from,
        notes=notes(candidate.alignment, rows, refused, options.split, learnt),
        streaming=streaming,
        comparison=None if other is None else _comparison(candidate, other, scored, validation, options),
    )


def _candidate(model: Path, music: MusicSet, options: Options) -> Candidate:
    return candidate_of(open_scorer(model), music, options.cache, options.common_labels)


def _calibration(candidate: Candidate, rows: Rows, validation: Rows | None) -> Calibration:
    """A softmax of which not every label is judged has no temperature here: its scores do not add up to 1."""
    activation = candidate.scorer.activation
    whole = activation == "sigmoid" or not candidate.alignment.only_model
    return calibration(rows, validation if whole else None, activation, candidate.music.multi_label)


def _comparison(
    candidate: Candidate, other: Candidate, scored: list[ClipScores], validation: Rows | None, options: Options
) -> Comparison:
    """On the labels and the tracks that both know."""
    multi_label = candidate.music.multi_label
    labels = tuple(name for name in candidate.alignment.labels if name in other.alignment.labels)
    clips, _ = other.readable([each.clip for each in scored], options.workers)
    others = other.rows(other.scored(clips, f"scoring {options.split} again"), labels)
    one, two = same_tracks(candidate.rows(scored, labels), others)
    name = other.scorer.name
    if name == candidate.scorer.name:
        name = f"{name} of {other.scorer.path.name}"
    if not one.truth.any():
        raise InputUnusable(f"{candidate.scorer.name} and {name} have heard no track with a label that both know")
    first, _ = candidate.judged(one, validation)
    second, _ = other.judged(two, other.validation(options.split, options.workers) if multi_label else None)
    return compare(first, second, name, multi_label, options.resamples)


def _set_facts(music: MusicSet, split: Split, rows: Rows) -> SetFacts:
    return SetFacts(music.folder, music.fingerprint, split, music.multi_label, len(rows.clips), len(rows.windows))

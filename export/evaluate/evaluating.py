"""A model and a set in, an evaluation out."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.command import warn
from export.data.cache import FeatureCache
from export.data.clip import SPLITS, Clip, Split
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.alignment import align
from export.evaluate.bootstrap import RESAMPLES
from export.evaluate.candidate import Candidate, same_tracks
from export.evaluate.comparison import Comparison, compare
from export.evaluate.confusion import confused_pairs, confusion
from export.evaluate.evaluation import Calibration, Evaluation, ModelFacts, SetFacts
from export.evaluate.measuring import calibration, intervals, label_lines, resampled
from export.evaluate.metrics import figures
from export.evaluate.notes import notes, why_nothing
from export.evaluate.rows import Rows
from export.evaluate.scoring import ClipScores, Scorer, open_scorer

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


def evaluate(model: Path, music: MusicSet, options: Options) -> Evaluation:
    """Judge the model at `model` (see `open_scorer`) on a split of `music`. InputUnusable, ExportError."""
    candidate = _candidate(model, music, options)
    other = None if options.compare is None else _candidate(options.compare, music, options)
    of_split = _clips(music, options.split)
    learnt = [each.learnt_note(options.split) for each in (candidate, other) if each is not None]
    for note in filter(None, learnt):
        warn(note)  # before hours of listening
    clips, refused = candidate.readable(of_split, options.workers)
    scored, streaming = candidate.scored(clips, f"scoring {options.split}"), None
    if options.streaming:
        scored, streaming = candidate.streamed(scored)
    rows = candidate.rows(scored, candidate.alignment.labels)
    if not rows.truth.any():
        raise InputUnusable(f"{music.folder}: nothing to judge in split {options.split}: {why_nothing(rows, refused)}")
    validation = _validation(candidate, options)
    judged, thresholds_from = candidate.judged(rows, validation)
    multi_label = music.multi_label
    drawn = resampled(judged, multi_label, options.resamples)
    return Evaluation(
        model=_facts(candidate.scorer),
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
    scorer = open_scorer(model)
    names = [label.name for label in scorer.labels]
    alignment = align(scorer.name, names, music.label_names, options.common_labels)
    return Candidate(scorer, alignment, music, FeatureCache(options.cache, scorer.recipe))


def _clips(music: MusicSet, split: Split) -> tuple[Clip, ...]:
    found = music.of(split)
    if not found:
        there = [name for name in SPLITS if music.of(name)]
        advice = f"it has {', '.join(there)}" if there else "scan it again with splits"
        raise InputUnusable(f"{music.folder} has no clips of split {split!r}; {advice}")
    return found


def _validation(candidate: Candidate, options: Options) -> Rows | None:
    """Rows of the validation clips, which temperature and thresholds are fitted on; None when those are judged."""
    clips = candidate.music.of("validation")
    if options.split == "validation" or not clips:
        return None
    readable, _ = candidate.readable(clips, options.workers)
    return candidate.rows(candidate.scored(readable, "scoring validation"), candidate.alignment.labels)


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
    second, _ = other.judged(two, _validation(other, options) if multi_label else None)
    return compare(first, second, name, multi_label, options.resamples)


def _facts(scorer: Scorer) -> ModelFacts:
    with scorer.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    recipe = scorer.recipe
    return ModelFacts(scorer.name, scorer.path, sha256, scorer.activation, recipe.window_s, recipe.hop_s)


def _set_facts(music: MusicSet, split: Split, rows: Rows) -> SetFacts:
    return SetFacts(music.folder, music.fingerprint, split, music.multi_label, len(rows.clips), len(rows.windows))

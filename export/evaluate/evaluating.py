"""A model and a set in, an evaluation out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from export.data.cache import FeatureCache
from export.data.clip import SPLITS, Clip, Split
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.alignment import align, listed
from export.evaluate.bootstrap import RESAMPLES, Draws, draws, interval
from export.evaluate.calibration import bins, expected_calibration_error, statements
from export.evaluate.candidate import Candidate, same_tracks
from export.evaluate.comparison import COUNTS, Comparison, Judged, compare
from export.evaluate.confusion import confused_pairs, confusion
from export.evaluate.evaluation import Calibration, Evaluation, LabelLine, ModelFacts, SetFacts
from export.evaluate.metrics import decisions, figures, label_areas, label_counts
from export.evaluate.rows import Rows
from export.evaluate.scoring import ClipScores, Scorer, open_scorer
from export.evaluate.temperature import fit_temperature, logits_of, scores_at

MOST_PAIRS: Final = 10
_F1_OF: Final = "f1 of "  # before a label, in what is drawn
_FEW_TRACKS: Final = 50


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
    wanted = _clips(music, options.split)
    clips, refused = candidate.readable(wanted, options.workers)
    scored = candidate.scored(clips, f"scoring {options.split}")
    streaming = None
    if options.streaming:
        scored, streaming = candidate.streamed(scored)
    rows = candidate.rows(scored, candidate.alignment.labels)
    if not rows.truth.any():
        raise InputUnusable(f"{music.folder}: nothing to judge in split {options.split}: {_why_nothing(rows, refused)}")
    validation = _validation(candidate, options)
    judged, thresholds_from = candidate.judged(rows, validation)
    drawn = _draws(judged, music.multi_label, options.resamples)
    scores = (rows.tracks, rows.windows)
    truths = (rows.truth, rows.window_truth)
    tracks, windows = (
        figures(truth, given, music.multi_label, judged.thresholds) for truth, given in zip(truths, scores, strict=True)
    )
    return Evaluation(
        model=_facts(candidate.scorer),
        music=SetFacts(
            music.folder, music.fingerprint, options.split, music.multi_label, len(rows.clips), len(rows.windows)
        ),
        labels=_label_lines(judged, drawn, music.multi_label),
        tracks=tracks,
        windows=windows,
        intervals={key: interval(values) for key, values in drawn.items() if not key.startswith(_F1_OF)},
        confusion=tuple(tuple(map(int, row)) for row in confusion(rows.truth, rows.tracks)),
        pairs=confused_pairs(rows, MOST_PAIRS),
        calibration=_calibration(candidate, rows, validation),
        thresholds_from=thresholds_from,
        notes=_notes(candidate, rows, refused),
        streaming=streaming,
        comparison=_comparison(candidate, scored, validation, options),
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


def _why_nothing(rows: Rows, refused: Mapping[Path, str]) -> str:
    reasons = [
        f"{count} {what}"
        for count, what in (
            (len(refused), "unreadable, silent or too short"),
            (len(rows.unlabelled) + len(rows.clips), "without any of the labels judged"),
        )
        if count
    ]
    return ", ".join(reasons)


def _validation(candidate: Candidate, options: Options) -> Rows | None:
    """Rows of the validation clips, which temperature and thresholds are fitted on; None when those are judged."""
    clips = candidate.music.of("validation")
    if options.split == "validation" or not clips:
        return None
    readable, _ = candidate.readable(clips, options.workers)
    return candidate.rows(candidate.scored(readable, "scoring validation"), candidate.alignment.labels)


def _draws(judged: Judged, multi_label: bool, resamples: int) -> Draws:
    """The figures of resampled tracks, and the F1 of each label that was drawn."""
    rows, thresholds = judged.rows, judged.thresholds
    called = decisions(rows.tracks, multi_label, thresholds)

    def statistic(chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> dict[str, float]:
        truth = rows.truth[chosen]
        found = figures(truth, rows.tracks[chosen], multi_label, thresholds)
        counts = label_counts(truth, called[chosen])
        each = zip(rows.labels, counts.f1, counts.support, strict=True)
        f1 = {_F1_OF + name: float(value) for name, value, support in each if support}
        return {key: value for key, value in found.items() if key not in COUNTS} | f1

    return draws(statistic, len(rows.clips), resamples)


def _label_lines(judged: Judged, drawn: Draws, multi_label: bool) -> tuple[LabelLine, ...]:
    rows = judged.rows
    counts = label_counts(rows.truth, decisions(rows.tracks, multi_label, judged.thresholds))
    areas = label_areas(rows.truth, rows.tracks)
    lines = []
    for place, name in enumerate(rows.labels):
        roc, precision = areas.get(place, (None, None))
        f1_drawn = drawn.get(_F1_OF + name)
        lines.append(
            LabelLine(
                name,
                support=int(counts.support[place]),
                precision=float(counts.precision[place]),
                recall=float(counts.recall[place]),
                f1=float(counts.f1[place]),
                f1_interval=None if f1_drawn is None else interval(f1_drawn),
                roc_auc=roc,
                pr_auc=precision,
                threshold=float(judged.thresholds[place]) if multi_label else None,
            )
        )
    return tuple(lines)


def _calibration(candidate: Candidate, rows: Rows, validation: Rows | None) -> Calibration:
    """Of windows. A softmax over some of its labels is none: then there is no temperature."""
    activation = candidate.scorer.activation
    truth, every_score = rows.window_truth, activation == "sigmoid" or candidate.music.multi_label
    found = bins(*statements(truth, rows.windows, every_score))
    ece = expected_calibration_error(found)
    whole = activation == "sigmoid" or not candidate.alignment.only_model
    if validation is None or not len(validation.windows) or not whole:
        return Calibration(every_score, ece, found)
    temperature = fit_temperature(logits_of(validation.windows, activation), validation.window_truth, activation)
    tempered = scores_at(logits_of(rows.windows, activation), temperature, activation)
    after = bins(*statements(truth, tempered, every_score))
    return Calibration(every_score, ece, found, temperature, expected_calibration_error(after), after)


def _comparison(
    candidate: Candidate, scored: list[ClipScores], validation: Rows | None, options: Options
) -> Comparison | None:
    if options.compare is None:
        return None
    music = candidate.music
    other = _candidate(options.compare, music, options)
    labels = tuple(name for name in candidate.alignment.labels if name in other.alignment.labels)
    clips, _ = other.readable([each.clip for each in scored], options.workers)
    second_rows = other.rows(other.scored(clips, f"scoring {options.split} again"), labels)
    one, two = same_tracks(candidate.rows(scored, labels), second_rows)
    if not one.truth.any():
        raise InputUnusable(f"{candidate.scorer.name} and {other.scorer.name} have heard no track of the same labels")
    first, _ = candidate.judged(one, validation)
    second, _ = other.judged(two, _validation(other, options) if music.multi_label else None)
    return compare(first, second, other.scorer.name, music.multi_label, options.resamples)


def _facts(scorer: Scorer) -> ModelFacts:
    with scorer.path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    recipe = scorer.recipe
    return ModelFacts(scorer.name, scorer.path, sha256, scorer.activation, recipe.window_s, recipe.hop_s)


def _notes(candidate: Candidate, rows: Rows, refused: Mapping[Path, str]) -> tuple[str, ...]:
    notes = []
    if not candidate.alignment.is_whole:
        notes.append(f"Only labels that model and set share are judged: {candidate.alignment.said}.")
    if refused:
        reasons = listed([f"{path.name} {reason}" for path, reason in refused.items()])
        notes.append(f"{len(refused)} clips cannot be heard and are left out: {reasons}.")
    for left_out, why in ((rows.unlabelled, "have none of the labels"), (rows.unheard, "are silent or too short")):
        if left_out:
            names = listed([clip.path.name for clip in left_out])
            notes.append(f"{len(left_out)} clips {why} and are left out: {names}.")
    absent = [name for place, name in enumerate(rows.labels) if not rows.truth[:, place].any()]
    if absent:
        notes.append(f"No clip of this split has {listed(absent)}: means over labels leave them out.")
    if len(rows.clips) < _FEW_TRACKS:
        notes.append(f"{len(rows.clips)} tracks are few: look at the intervals before the figures.")
    return tuple(notes)

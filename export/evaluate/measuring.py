"""Rows to figures with their intervals, the lines of the classification report, and the calibration. Pure."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from export.evaluate.bootstrap import Draws, Interval, draws, interval
from export.evaluate.calibration import bins, expected_calibration_error, statements
from export.evaluate.comparison import COUNTS, Judged
from export.evaluate.evaluation import Calibration, LabelLine
from export.evaluate.metrics import decisions, figures, label_areas, label_counts
from export.evaluate.rows import Rows
from export.evaluate.temperature import fit_temperature, logits_of, scores_at
from models.card import Activation

_F1_OF: Final = "f1 of "  # before a label, in what is drawn


def resampled(judged: Judged, multi_label: bool, resamples: int) -> Draws:
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


def resampled_windows(judged: Judged, multi_label: bool, resamples: int) -> Draws:
    """The figures of the windows of resampled tracks: all the windows of a track are drawn together."""
    rows = judged.rows
    order = np.argsort(rows.owner, kind="stable")
    of_track = np.split(order, np.searchsorted(rows.owner[order], np.arange(1, len(rows.clips))))
    truth = rows.window_truth

    def statistic(chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> dict[str, float]:
        drawn = np.concatenate([of_track[track] for track in chosen])
        found = figures(truth[drawn], rows.windows[drawn], multi_label, judged.thresholds)
        return {key: value for key, value in found.items() if key not in COUNTS}

    return draws(statistic, len(rows.clips), resamples)


def intervals(drawn: Draws) -> Mapping[str, Interval]:
    """Of each figure."""
    return {key: interval(values) for key, values in drawn.items() if not key.startswith(_F1_OF)}


def label_lines(judged: Judged, drawn: Draws, multi_label: bool) -> tuple[LabelLine, ...]:
    """The classification report of tracks, in the order of the labels."""
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


def calibration(rows: Rows, validation: Rows | None, activation: Activation, multi_label: bool) -> Calibration:
    """Of the windows; with the temperature that is fitted on those of `validation`, where there are any."""
    truth, every_score = rows.window_truth, activation == "sigmoid" or multi_label
    found = bins(*statements(truth, rows.windows, every_score))
    ece = expected_calibration_error(found)
    if validation is None or not len(validation.windows):
        return Calibration(every_score, ece, found)
    temperature = fit_temperature(logits_of(validation.windows, activation), validation.window_truth, activation)
    tempered = scores_at(logits_of(rows.windows, activation), temperature, activation)
    after = bins(*statements(truth, tempered, every_score))
    return Calibration(every_score, ece, found, temperature, expected_calibration_error(after), after)

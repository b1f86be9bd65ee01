"""Intervals, paired comparison, confusion and the rows they are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import confusion_matrix

from export.data.clip import Clip
from export.errors import InputUnusable
from export.evaluate.alignment import align
from export.evaluate.bootstrap import difference, draws, interval
from export.evaluate.candidate import same_tracks
from export.evaluate.comparison import Judged, compare, mcnemar
from export.evaluate.confusion import confused_pairs, confusion
from export.evaluate.measuring import calibration, intervals, label_lines, resampled
from export.evaluate.metrics import figures
from export.evaluate.rows import Rows, rows_of
from export.evaluate.scoring import ClipScores

LABELS = ("a", "b", "c")


def made_rows(n: int, seed: int = 0, skill: float = 0.5, multi_label: bool = False) -> Rows:
    """Tracks of three windows each, scored better the more `skill`; truth depends on neither seed nor skill."""
    truth = np.eye(3, dtype=bool)[np.arange(n) % 3]
    if multi_label:
        truth[::2, 1] = True
    random = np.random.default_rng(seed)
    windows = np.clip(
        skill * truth.repeat(3, axis=0)
        + (1 - skill) * random.random((3 * n, 3))
        + 0.1 * random.normal(size=(3 * n, 3)),
        0,
        1,
    ).astype(np.float32)
    silent = np.zeros(3, bool)
    scored = [
        ClipScores(
            Clip(Path(f"{k}.wav"), tuple(np.array(LABELS)[truth[k]].tolist())), windows[3 * k : 3 * k + 3], silent
        )
        for k in range(n)
    ]
    return rows_of(scored, LABELS, LABELS, multi_label)


def judged(rows: Rows) -> Judged:
    return Judged(rows, np.full(3, 0.5))


def test_an_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).exponential(size=80)
    found = interval(draws(lambda chosen: {"mean": float(values[chosen].mean())}, len(values), 4000)["mean"])
    wanted = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=2).confidence_interval  # type: ignore[attr-defined]
    spread = wanted.high - wanted.low
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=0.06 * spread)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        values = random.normal(5, 1, 40)
        found = interval(draws(lambda chosen, values=values: {"m": values[chosen].mean()}, 40, 200)["m"])  # type: ignore[misc]
        held += found.low <= 5 <= found.high
    assert 0.88 <= held / 200 <= 0.99


@settings(max_examples=25)
@given(n=st.integers(3, 30), seed=st.integers(0, 100), multi_label=st.booleans())
def test_intervals_lie_within_what_is_possible_and_come_again(n: int, seed: int, multi_label: bool) -> None:
    rows = made_rows(n, seed, multi_label=multi_label)
    found = intervals(resampled(judged(rows), multi_label, 30))
    assert found == intervals(resampled(judged(rows), multi_label, 30))
    assert "accuracy" in found and "rows" not in found and not any(key.startswith("f1 of") for key in found)
    assert all(0 <= each.low <= each.high <= 1 for each in found.values())


def test_more_tracks_make_narrower_intervals() -> None:
    widths = []
    for n in (30, 300):
        found = intervals(resampled(judged(made_rows(n, 1, 0.3)), False, 300))["accuracy"]
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def test_a_figure_whose_label_is_rarely_drawn_is_passed_over_there() -> None:
    drawn = draws(lambda chosen: {"rare": 1.0} if 0 in chosen else {}, 3, 200)
    assert 100 < len(drawn["rare"]) < 200


def test_a_model_does_not_differ_from_itself() -> None:
    rows = made_rows(40)
    found = compare(judged(rows), judged(rows), "itself", False, 100)
    assert {each.value for each in found.differences.values()} == {0.0}
    assert {each.p for each in found.differences.values()} == {1.0}
    assert (found.mcnemar.only_first, found.mcnemar.only_second, found.mcnemar.p) == (0, 0, 1.0)


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_better_model_is_found_to_be_better(multi_label: bool) -> None:
    worse, better = (made_rows(90, seed, skill, multi_label) for seed, skill in ((1, 0.05), (2, 0.8)))
    found = compare(judged(worse), judged(better), "better", multi_label, 200)
    accuracy = found.differences["macro_f1"]
    assert accuracy.value == pytest.approx(found.second["macro_f1"] - found.first["macro_f1"])
    assert accuracy.interval.low > 0 and accuracy.p < 0.02 and found.mcnemar.p < 0.01
    back = compare(judged(better), judged(worse), "worse", multi_label, 200).differences["macro_f1"]
    assert (back.value, back.interval.low) == pytest.approx((-accuracy.value, -accuracy.interval.high))


def test_differences_are_paired() -> None:
    """Two models that err on the same tracks differ by less than their own intervals are wide."""
    rows = made_rows(60, 5, 0.2)
    nudged = rows.tracks.copy()
    nudged[0] = rows.truth[0]
    other = Rows(rows.labels, rows.clips, rows.truth, nudged, rows.windows, rows.owner, rows.number)
    paired = compare(judged(rows), judged(other), "other", False, 200).differences["accuracy"].interval
    alone = intervals(resampled(judged(rows), False, 200))["accuracy"]
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_chance_of_a_difference() -> None:
    assert difference(1.0, np.linspace(0.1, 1, 999)).p == pytest.approx(0.002)
    assert difference(0.0, np.linspace(-1, 1, 999)).p == pytest.approx(1.0, abs=0.01)


@given(only_first=st.integers(0, 40), only_second=st.integers(0, 40), both=st.integers(0, 5))
def test_mcnemar_is_the_exact_binomial_test(only_first: int, only_second: int, both: int) -> None:
    first = np.array([True] * only_first + [False] * only_second + [True] * both, bool)
    second = np.array([False] * only_first + [True] * only_second + [True] * both, bool)
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    apart = only_first + only_second
    assert found.p == pytest.approx(stats.binomtest(only_first, apart).pvalue if apart else 1.0)  # type: ignore[attr-defined]


def test_confusion_is_scikit_learns_where_a_clip_has_one_label() -> None:
    rows = made_rows(50, 4, 0.1)
    wanted = confusion_matrix(rows.truth.argmax(axis=1), rows.tracks.argmax(axis=1), labels=range(3))
    assert confusion(rows.truth, rows.tracks).tolist() == wanted.tolist()


def test_with_several_labels_a_track_counts_for_each_and_is_right_when_any_is_first() -> None:
    truth = np.array([[True, True, False], [True, True, False]])
    scores = np.array([[0.9, 0.1, 0.2], [0.1, 0.2, 0.9]], np.float32)
    assert confusion(truth, scores).tolist() == [[1, 0, 1], [0, 1, 1], [0, 0, 0]]


def test_pairs_come_by_how_often_and_their_examples_by_how_clearly() -> None:
    rows = made_rows(60, 4, 0.05)
    matrix = confusion(rows.truth, rows.tracks)
    pairs = confused_pairs(rows, 4)
    assert [pair.count for pair in pairs] == sorted(matrix[~np.eye(3, dtype=bool)], reverse=True)[:4]
    for pair in pairs:
        true, heard = LABELS.index(pair.true), LABELS.index(pair.heard)
        assert matrix[true, heard] == pair.count and pair.share == pytest.approx(pair.count / rows.truth[:, true].sum())
        leads = [example.heard_score - example.true_score for example in pair.examples]
        assert leads == sorted(leads, reverse=True) and min(leads) > 0
        for example in pair.examples:
            row = [clip.path for clip in rows.clips].index(example.path)
            own = rows.windows[rows.owner == row]
            assert example.window == int((own[:, heard] - own[:, true]).argmax())


def test_rows_are_the_tracks_that_can_be_judged() -> None:
    loud, quiet = np.array([False, True]), np.array([True, True])
    scores = np.array([[0.1, 0.2, 0.3], [0, 0, 0]], np.float32)
    scored = [
        ClipScores(Clip(Path("one"), ("b",)), scores, loud),
        ClipScores(Clip(Path("quiet"), ("b",)), scores, quiet),
        ClipScores(Clip(Path("strange"), ("z",)), scores, loud),
    ]
    rows = rows_of(scored, ("a", "b", "c"), ("c", "b"), False)
    assert [clip.path.name for clip in rows.clips] == ["one"]
    assert rows.tracks.tolist() == [[pytest.approx(0.3), pytest.approx(0.2)]] and rows.truth.tolist() == [[False, True]]
    assert [clip.path.name for clip in rows.unheard] == ["quiet"]
    assert [clip.path.name for clip in rows.unlabelled] == ["strange"]
    # where a clip may have several labels, one with none of those judged is a negative of all
    assert [clip.path.name for clip in rows_of(scored, LABELS, ("c", "b"), True).clips] == ["one", "strange"]
    none = rows_of([], LABELS, LABELS, False)
    assert none.tracks.shape == none.windows.shape == none.truth.shape == (0, 3)


def test_the_same_tracks_of_two_models() -> None:
    rows = made_rows(6)
    part = rows.of([rows.clips[4], rows.clips[1]])
    assert part.owner.tolist() == [1, 1, 1, 0, 0, 0]  # windows stay in their order
    assert part.windows.tolist() == rows.windows[[3, 4, 5, 12, 13, 14]].tolist()
    one, other = same_tracks(rows, part)
    assert [clip.path for clip in one.clips] == [clip.path for clip in other.clips] == [Path("1.wav"), Path("4.wav")]
    assert one.tracks.tolist() == other.tracks.tolist()
    assert figures(one.truth, one.tracks, False) == figures(other.truth, other.tracks, False)


def test_lines_of_the_report_are_those_of_the_figures() -> None:
    rows = made_rows(60, 2, 0.2)
    lines = label_lines(judged(rows), resampled(judged(rows), False, 50), False)
    found = figures(rows.truth, rows.tracks, False)
    for key, values in (
        ("macro_f1", [line.f1 for line in lines]),
        ("macro_precision", [line.precision for line in lines]),
        ("roc_auc", [line.roc_auc or 0.0 for line in lines]),
    ):
        assert found[key] == pytest.approx(np.mean(values))
    assert all(line.f1_interval is not None and line.f1_interval.low <= line.f1_interval.high for line in lines)


def test_a_temperature_from_validation_mends_scores_that_are_too_sure() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(900, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (chances.cumsum(axis=1) > random.random((900, 1))).argmax(axis=1)[:, np.newaxis] == np.arange(3)
    sure = np.exp(4 * logits) / np.exp(4 * logits).sum(axis=1, keepdims=True)
    rows = [
        Rows(LABELS, tuple([Clip(Path("x"))] * 450), t, s, s, np.arange(450), np.zeros(450, np.intp))
        for t, s in ((truth[:450], sure[:450].astype(np.float32)), (truth[450:], sure[450:].astype(np.float32)))
    ]
    found = calibration(rows[0], rows[1], "softmax", False)
    assert found.temperature == pytest.approx(4, rel=0.25)
    assert found.tempered_ece is not None and found.tempered_ece < found.ece / 3
    assert calibration(rows[0], None, "softmax", False).temperature is None


def test_labels_that_differ_are_refused_with_their_names() -> None:
    assert align("m", ["b", "a"], ["a", "b"], False).labels == ("a", "b")
    with pytest.raises(InputUnusable, match=r"only the model has x; only the set has b; judge .* --common-labels"):
        align("m", ["a", "x"], ["a", "b"], False)
    found = align("m", ["x", "c", "a"], ["a", "b", "c"], True)
    assert (found.labels, found.only_model, found.only_set) == (("a", "c"), ("x",), ("b",))
    with pytest.raises(InputUnusable, match="share no label"):
        align("m", ["x"], ["a"], True)
    with pytest.raises(InputUnusable, match="share only 'a'"):
        align("m", ["a", "x"], ["a", "b"], True)
    with pytest.raises(InputUnusable, match="and 8 more"):
        align("m", [f"x{k}" for k in range(20)], ["a"], True)

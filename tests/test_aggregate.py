"""Tags from windows: weights, hysteresis, unknown, silence; a pure function of the horizon."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.aggregate import SILENCE, UNKNOWN, HorizonWindow, StreamAggregator, TagPolicy, TrackAggregator, aggregate
from daemon.cuts import Window
from daemon.messages import ModelId, StreamTags
from daemon.roster import Roster, Voice
from daemon.scoring import ScoredWindow
from tests.strategies import FORMAT, GRID

LABELS = ("jazz", "rock", "folk")
POLICY = TagPolicy()
MODEL = ModelId("m", "1", "0" * 64)
ROSTER = Roster((Voice(MODEL, LABELS, (0, 1, 2), LABELS, (0, 1, 2)),), 3)
Row = Sequence[float] | None


def horizon(rows: Sequence[Row], hop_s: float = 2.0) -> list[HorizonWindow]:
    """Windows of 4 s every `hop_s` with the given scores."""
    return [
        HorizonWindow(k, k * hop_s, k * hop_s + 4, None if row is None else np.array(row, np.float32))
        for k, row in enumerate(rows)
    ]


def scored(index: int, row: Row) -> ScoredWindow:
    """A scored window on the tests' small grid."""
    window = Window("s", "e", index, GRID, FORMAT, (), GRID.hop_frames, 0, 1000.0 + index)
    return ScoredWindow(window, None if row is None else np.array(row, np.float32), ROSTER)


def test_one_window_speaks_for_itself() -> None:
    top, tags = aggregate(horizon([(0.7, 0.3, 0.1)]), LABELS, POLICY)
    assert top == "jazz"
    assert [(tag.tag, pytest.approx(tag.score)) for tag in tags] == [("jazz", 0.7), ("rock", 0.3)]


def test_the_weight_of_a_window_halves_with_every_half_life() -> None:
    policy = TagPolicy(half_life_s=2.0, min_score=0.0, switch_margin=0.0)
    _, tags = aggregate(horizon([(1.0, 0, 0), (0.0, 0, 0), (0.0, 0, 0)]), LABELS, policy)
    assert next(tag.score for tag in tags if tag.tag == "jazz") == pytest.approx(0.25 / 1.75)


def test_below_the_minimum_it_is_unknown() -> None:
    assert aggregate(horizon([(0.19, 0.1, 0.05)]), LABELS, POLICY) == (UNKNOWN, ())


def test_a_silent_window_is_said_and_weighs_nothing() -> None:
    assert aggregate(horizon([(0.7, 0, 0), None]), LABELS, POLICY) == (SILENCE, ())
    top, tags = aggregate(horizon([(0.7, 0, 0), None, (0.7, 0, 0)]), LABELS, POLICY)
    assert (top, tags[0].score) == ("jazz", pytest.approx(0.7))


def test_a_challenger_must_lead_by_the_margin() -> None:
    close = [(0.50, 0.45, 0)] + [(0.48, 0.52, 0)] * 4
    assert aggregate(horizon(close), LABELS, POLICY)[0] == "jazz"
    clear = [(0.50, 0.45, 0)] + [(0.30, 0.60, 0)] * 4
    assert aggregate(horizon(clear), LABELS, POLICY)[0] == "rock"


def test_the_held_tag_comes_first_even_within_the_margin() -> None:
    _, tags = aggregate(horizon([(0.50, 0.45, 0)] + [(0.48, 0.52, 0)] * 4), LABELS, POLICY)
    assert [tag.tag for tag in tags] == ["jazz", "rock"]


def test_a_shown_tag_stays_down_to_the_release() -> None:
    policy = TagPolicy(half_life_s=0.01)
    assert aggregate(horizon([(0.21, 0, 0), (0.16, 0, 0)]), LABELS, policy)[0] == "jazz"
    assert aggregate(horizon([(0.21, 0, 0), (0.14, 0, 0)]), LABELS, policy)[0] == UNKNOWN
    assert aggregate(horizon([(0.16, 0, 0)]), LABELS, policy)[0] == UNKNOWN


def test_tags_do_not_flap_where_plain_argmax_does() -> None:
    rng = np.random.default_rng(1)
    rows = [tuple(0.45 + 0.04 * rng.standard_normal(3)) for _ in range(60)]
    aggregator = StreamAggregator("s", "e", LABELS, POLICY)
    said = [aggregator.push(scored(k, row), ROSTER.main) for k, row in enumerate(rows)]
    flips = sum(int(np.argmax(a)) != int(np.argmax(b)) for a, b in itertools.pairwise(rows))
    assert flips > 20
    assert sum(tags.changed for tags in said) <= 3


rows = st.lists(st.none() | st.tuples(*[st.floats(0, 1, width=32)] * 3), min_size=1, max_size=40)


@given(rows=rows, restart=st.integers(0, 40))
def test_tags_follow_from_the_horizon_alone(rows: list[Row], restart: int) -> None:
    """A new aggregator fed the horizon's windows says what the old one says."""
    policy = TagPolicy(horizon_s=10 * GRID.hop_s)
    old = StreamAggregator("s", "e", LABELS, policy)
    said = [old.push(scored(k, row), ROSTER.main) for k, row in enumerate(rows)]
    start = min(restart, len(rows) - 1)
    new = StreamAggregator("s", "e", LABELS, policy)
    again: StreamTags | None = None
    for k in range(max(0, start - 11), start + 1):
        again = new.push(scored(k, rows[k]), ROSTER.main)
    assert again is not None
    assert (again.top, again.tags, again.from_s) == (said[start].top, said[start].tags, said[start].from_s)


def test_changed_says_when_the_top_changes_and_final_when_it_ends() -> None:
    aggregator = StreamAggregator("s", "e", LABELS, TagPolicy(half_life_s=0.001))
    rows = [(0.6, 0, 0), (0.6, 0, 0), (0, 0.6, 0)]
    said = [aggregator.push(scored(k, row), ROSTER.main) for k, row in enumerate(rows)]
    assert [tags.changed for tags in said] == [True, False, True]
    final = aggregator.flush(MODEL, 0.0)
    assert (final.final, final.changed, final.top, final.window) == (True, False, "rock", 2)


def test_a_stream_without_windows_still_ends() -> None:
    for kind in (StreamAggregator, TrackAggregator):
        final = kind("s", "e", LABELS, POLICY).flush(MODEL, 12.0)
        assert (final.final, final.window, final.top, final.tags, final.time_s) == (True, None, UNKNOWN, (), 12.0)


def test_a_track_is_the_mean_of_its_windows_that_sound() -> None:
    track = TrackAggregator("s", "e", LABELS, POLICY)
    for k, row in enumerate([(0.9, 0, 0), None, (0.3, 0.6, 0)]):
        track.push(scored(k, row), ROSTER.main)
    final = track.flush(MODEL, 0.0)
    assert [(tag.tag, pytest.approx(tag.score)) for tag in final.tags] == [("jazz", 0.6), ("rock", 0.3)]
    assert (final.window, final.from_s) == (2, 0.0)

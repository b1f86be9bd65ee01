"""A run goes on while those who score it change; an heir says what his predecessor would have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.aggregate import TrackAggregator
from daemon.cuts import Window
from daemon.kafka.known_scores import as_scored
from daemon.kafka.output_record import parse_window
from daemon.messages import ModelId, Result, StreamEnd, StreamTags, WindowTags, json_line
from daemon.roster import Roster, Voice
from daemon.scoring import ScoredWindow
from daemon.tagging import StreamRules, Tagger
from tests.kafka_owners import HORIZON_S, POLICY, RULES
from tests.strategies import FORMAT, GRID

N_SCORES = 8  # of any roster here
WIDE, NARROW = ("low", "middle", "high"), ("odd", "low")
TRACK_RULES = StreamRules(
    RULES.grid_for, lambda stream, epoch, voice: TrackAggregator(stream, epoch, voice.labels, POLICY)
)


def voice(name: str, labels: Sequence[str], start: int, version: str = "1") -> Voice:
    """A model whose scores begin at `start`."""
    picks = tuple(range(start, start + len(labels)))
    return Voice(ModelId(name, version, version.zfill(64)), tuple(labels), picks, tuple(labels), picks)


def roster(*voices: Voice) -> Roster:
    """Those who score together."""
    return Roster(voices, N_SCORES)


A, B = voice("a", WIDE, 0), voice("b", NARROW, 3)
A_NEWER = voice("a", WIDE, 0, version="2")
B_FIRST = voice("b", NARROW, 0)  # the same model, whose scores stand elsewhere
A_BEHIND = voice("a", WIDE, 2)
A_OTHERWISE = voice("a", ("low", "middle", "loud"), 0, version="3")
C = voice("c", ("new", "high"), 6)
ROSTERS = [roster(A), roster(A, B), roster(B_FIRST, A_BEHIND), roster(A_NEWER, B), roster(B_FIRST), roster(A, B, C)]


@dataclass(frozen=True)
class Heard:
    """A window and by whom it was scored; silent when it has no number."""

    by: Roster
    drawn: int | None

    def scored(self, index: int) -> ScoredWindow:
        """The window at that place of the run. A model's scores are the same wherever they stand."""
        window = Window("s", "e", index, GRID, FORMAT, (), GRID.hop_frames, 0, 1000.0 + index)
        if self.drawn is None:
            return ScoredWindow(window, None, self.by)
        scores = np.zeros(N_SCORES, np.float32)
        for each in self.by.voices:
            drawn = np.random.default_rng([self.drawn, ord(each.model.name)])
            scores[list(each.picks)] = drawn.uniform(0.0, 1.0, len(each.labels))
        return ScoredWindow(window, scores, self.by)


def said(tagger: Tagger, heard: Sequence[Heard], start: int = 0) -> list[Result]:
    """The results of windows from `start` on."""
    return [result for k in range(start, len(heard)) for result in tagger.results_of(heard[k].scored(k))]


def tags_of(results: Sequence[Result]) -> list[StreamTags]:
    """The tags among them."""
    return [result for result in results if isinstance(result, StreamTags)]


def apart(results: Sequence[Result], name: str) -> list[StreamTags]:
    """The tags of one model."""
    return [one for tags in tags_of(results) for one in tags.apart() if one.model.name == name]


def as_published(results: Sequence[Result]) -> list[WindowTags]:
    """The windows among `results`, read back."""
    return [parse_window(json_line(result).encode()) for result in results if isinstance(result, WindowTags)]


def a_while(by: Roster, start: int, count: int = 4) -> list[Heard]:
    """A stretch scored by the same."""
    return [Heard(by, number) for number in range(start, start + count)]


def test_voices_that_stay_go_on_and_others_begin_anew() -> None:
    heard = [*a_while(roster(A), 0), *a_while(roster(B_FIRST, A_BEHIND), 4), *a_while(roster(B), 8)]
    results = said(Tagger(RULES, lambda: roster(A)), heard)
    alone = said(Tagger(RULES, lambda: roster(A)), a_while(roster(A), 0, 8))
    assert [(one.top, one.tags, one.changed) for one in apart(results, "a")] == [
        (one.top, one.tags, one.changed) for one in apart(alone, "a")
    ]
    by_b = apart(results, "b")
    assert [one.window for one in by_b] == list(range(4, 12))
    assert by_b[0].changed  # its first word
    assert by_b[0].from_s == heard[4].scored(4).window.start_s
    assert by_b[4].from_s < heard[8].scored(8).window.start_s  # goes on, though it stands elsewhere now
    assert [len(tags.others) for tags in tags_of(results)] == [0] * 4 + [1] * 4 + [0] * 4


def test_a_new_version_goes_on_unless_its_labels_are_others() -> None:
    results = said(Tagger(RULES, lambda: roster(A)), [*a_while(roster(A), 0, 3), *a_while(roster(A_NEWER), 3, 2)])
    assert [(one.model.version, one.from_s) for one in apart(results, "a")][-1] == ("2", 0.0)
    anew = said(Tagger(RULES, lambda: roster(A)), [*a_while(roster(A), 0, 3), *a_while(roster(A_OTHERWISE), 3, 2)])
    assert apart(anew, "a")[3].from_s > 0
    assert apart(anew, "a")[3].changed


def test_a_model_that_was_gone_begins_anew() -> None:
    heard = [*a_while(roster(A), 0, 2), *a_while(roster(B), 2, 1), *a_while(roster(A), 3, 1)]
    last = tags_of(said(Tagger(RULES, lambda: roster(A)), heard))[-1]
    assert last.from_s == heard[3].scored(3).window.start_s


def test_whole_tracks_are_the_mean_of_each_models_windows() -> None:
    tagger = Tagger(TRACK_RULES, lambda: roster(A))
    assert not tags_of(said(tagger, [*a_while(roster(A), 0, 3), *a_while(roster(A, B), 3, 2)]))
    (final,) = tagger.results_of(StreamEnd("s", "e"))
    assert isinstance(final, StreamTags)
    assert (final.from_s, final.final) == (0.0, True)
    assert [other.model.name for other in final.others] == ["b"]


def test_a_run_without_windows_ends_in_the_name_of_who_scores_now() -> None:
    (final,) = Tagger(RULES, lambda: roster(B, A)).results_of(StreamEnd("s", "e"))
    assert isinstance(final, StreamTags)
    assert (final.window, [one.model.name for one in final.voices]) == (None, ["b", "a"])


windows = st.lists(st.builds(Heard, st.sampled_from(ROSTERS), st.none() | st.integers(0, 5)), min_size=2, max_size=25)


@given(windows, st.data())
def test_an_heir_says_what_his_predecessor_would_have_said(heard: list[Heard], data: st.DataObject) -> None:
    """Whoever scored which window; the heir has the windows of the horizon, or more of them."""
    cut = data.draw(st.integers(1, len(heard) - 1))
    truth = Tagger(RULES, lambda: heard[-1].by)
    before, after = said(truth, heard[:cut]), said(truth, heard, cut)
    heir = Tagger(RULES, lambda: heard[cut].by)
    horizon = round(HORIZON_S / GRID.hop_s) + 1  # one more may lie just inside of it
    first = data.draw(st.integers(0, max(0, cut - horizon)))
    heir.restore("s", "e", as_published(before)[first:])
    assert [json_line(one) for one in said(heir, heard, cut)] == [json_line(one) for one in after]


def test_scores_of_other_labels_do_not_count() -> None:
    """Neither as zeros nor as anything else: what was heard by others is unknown."""
    before = as_published(said(Tagger(RULES, lambda: roster(A_OTHERWISE)), a_while(roster(A_OTHERWISE), 0)))
    heir = Tagger(RULES, lambda: roster(A))
    heir.restore("s", "e", before)
    first = tags_of(said(heir, a_while(roster(A), 0, 5), start=4))[0]
    fresh = tags_of(said(Tagger(RULES, lambda: roster(A)), a_while(roster(A), 0, 5), start=4))[0]
    assert first == fresh


def test_an_heir_of_others_ends_the_run_where_it_was() -> None:
    before = as_published(said(Tagger(RULES, lambda: roster(A)), a_while(roster(A), 0)))
    heir = Tagger(RULES, lambda: roster(B))
    heir.restore("s", "e", before)
    (final,) = heir.results_of(StreamEnd("s", "e"))
    assert isinstance(final, StreamTags)
    assert (final.window, final.top, final.tags, final.final) == (3, "unknown", (), True)
    assert (final.to_s, final.model.name) == (before[-1].end_s, "b")


@pytest.mark.parametrize("drawn", [1, None])
@pytest.mark.parametrize("by", ROSTERS, ids=lambda by: "+".join(each.model.name for each in by.voices))
def test_known_scores_come_back_for_the_same_models_only(by: Roster, drawn: int | None) -> None:
    scored = Heard(by, drawn).scored(3)
    (published,) = as_published(Tagger(RULES, lambda: by).results_of(scored))
    back = as_scored(scored.window, published, by)
    assert back is not None
    if drawn is None:
        assert back.scores is None
    else:
        assert back.scores is not None
        assert scored.scores is not None
        np.testing.assert_allclose(back.scores, scored.scores, atol=1e-6)
    for others in ROSTERS:
        same = [each.model for each in others.voices] == [each.model for each in by.voices]
        assert (as_scored(scored.window, published, others) is not None) == same


def test_known_scores_of_fewer_labels_are_made_again() -> None:
    """All labels are wanted now, of which only the genres were published."""
    scored = Heard(roster(A), 1).scored(0)
    (published,) = as_published(Tagger(RULES, lambda: roster(A)).results_of(scored))
    more, fewer = voice("a", (*WIDE, "mood"), 0), voice("a", WIDE[:2], 0)
    assert as_scored(scored.window, published, roster(more)) is None
    assert as_scored(scored.window, published, roster(fewer)) is not None

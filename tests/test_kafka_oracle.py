"""The oracle of the Kafka tests can fail: whatever is done to the results of a run, it says so."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kafka_compare import SAME
from tests.kafka_oracle import Broadcast, Outcome, Truth


@pytest.fixture(scope="module")
def truth(tiny_model: Path, other_model: Path) -> Truth:
    """What an uninterrupted run says."""
    return Broadcast(streams=2, seconds=12).truth([tiny_model, other_model])


@pytest.fixture
def outcome(truth: Truth) -> Outcome:
    """Topics in which all is as it should be."""
    windows, tags = copy.deepcopy(truth.windows), copy.deepcopy(truth.tags)
    return Outcome(list(windows.values()), list(windows), list(tags.values()), list(tags))


def drop_a_window(outcome: Outcome) -> None:
    del outcome.window_ids[3], outcome.windows[3]


def drop_tags(outcome: Outcome) -> None:
    del outcome.tag_ids[-1], outcome.tags[-1]


def invent_a_window(outcome: Outcome) -> None:
    outcome.window_ids.append("s009/an epoch/0")
    outcome.windows.append(outcome.windows[0])


def alter_a_score(outcome: Outcome) -> None:
    scores = outcome.windows[3]["scores"]
    scores[next(iter(scores))] += 2 * SAME


def alter_another_models_score(outcome: Outcome) -> None:
    scores = outcome.windows[3]["others"][0]["scores"]
    scores[next(iter(scores))] -= 2 * SAME


def forget_another_model(outcome: Outcome) -> None:
    del outcome.windows[3]["others"]


def forget_another_models_change(outcome: Outcome) -> None:
    said = outcome.tags[0]["others"][0]
    said["changed"] = not said["changed"]


def rename_a_label(outcome: Outcome) -> None:
    scores = outcome.windows[3]["scores"]
    scores["another"] = scores.pop(next(iter(scores)))


def move_a_window(outcome: Outcome) -> None:
    outcome.windows[3]["start_s"] += 2.0


def alter_an_aggregate(outcome: Outcome) -> None:
    tagged = next(tags for tags in outcome.tags if tags["tags"])
    tagged["tags"][0]["score"] -= 2 * SAME


def forget_a_change(outcome: Outcome) -> None:
    outcome.tags[0]["changed"] = not outcome.tags[0]["changed"]


def repeat_a_window_differently(outcome: Outcome) -> None:
    outcome.window_ids.append(outcome.window_ids[0])
    outcome.windows.append({**outcome.windows[0], "gap_s": 1.0})


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (drop_a_window, "1 missing"),
        (drop_tags, "1 missing"),
        (invent_a_window, "1 not wanted"),
        (alter_a_score, "scores off by 0.0002"),
        (alter_another_models_score, "scores off by 0.0002"),
        (forget_another_model, "scores of"),
        (forget_another_models_change, "changed"),
        (rename_a_label, "scores of"),
        (move_a_window, "start_s"),
        (alter_an_aggregate, "scores off by 0.0002"),
        (forget_a_change, "changed"),
        (repeat_a_window_differently, "gap_s"),
    ],
)
@pytest.mark.parametrize("exactly_once", [False, True])
def test_harm_is_seen(
    outcome: Outcome, truth: Truth, harm: Callable[[Outcome], None], says: str, exactly_once: bool
) -> None:
    outcome.check(truth, exactly_once)
    harm(outcome)
    with pytest.raises(AssertionError, match=says):
        outcome.check(truth, exactly_once)


def test_a_repeat_is_counted_and_harms_exactly_once_alone(outcome: Outcome, truth: Truth) -> None:
    outcome.window_ids.append(outcome.window_ids[5])
    outcome.windows.append(outcome.windows[5])
    outcome.check(truth)
    windows, tags = outcome.compared(truth)
    assert (outcome.repeated, windows.repeats, tags.repeats) == (1, 1, 0)
    with pytest.raises(AssertionError, match="1 repeated"):
        outcome.check(truth, exactly_once=True)


def test_audio_says_which_stream_and_second_it_is(truth: Truth) -> None:
    scores = [tuple(window["scores"].values()) for window in truth.windows.values()]
    assert len(set(scores)) == len(scores)

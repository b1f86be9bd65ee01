"""A new owner goes on exactly where the old one stopped, wherever that is: the log is enough."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon.kafka.bookmark import MAX_CLOSINGS, MAX_RUNS, Bookmark, Closing, decode_bookmark
from daemon.kafka.open_runs import Begun
from daemon.kafka.watermark import Ticket, Watermark
from daemon.messages import WindowTags
from tests.kafka_owners import ROSTERS, Owner, Topics
from tests.kafka_records import Act, Move, Script, script, some_moves

seeds = st.integers(0, 2**32 - 1)


def of_two(*acts: tuple[int, Act, int]) -> list[Move]:
    """A script by hand; stream 0 gives all headers, stream 1 no epoch."""
    return [Move(*act) for act in acts]


# What a reader who begins in the middle would take for another run, were it not for what the bookmark says.
REFUSED_FIRST = of_two(
    (0, Act.CHUNK, 160), (1, Act.CHUNK, 1), (0, Act.FORMAT, 10), (0, Act.CHUNK, 150), (0, Act.CHUNK, 60),
    (0, Act.CHUNK, 100),
)  # fmt: skip
STALE_FIRST = of_two(
    (0, Act.CHUNK, 1), (1, Act.CHUNK, 1), (0, Act.RESTART, 1), (0, Act.STALE, 1), (0, Act.CHUNK, 1),
    (0, Act.LAST_CHUNK, 1), (0, Act.CHUNK, 150),
)  # fmt: skip
ENDED_AND_GONE_ON = of_two(
    (0, Act.CHUNK, 1), (0, Act.CHUNK, 92), (1, Act.CHUNK, 103), (0, Act.LAST_CHUNK, 7), (0, Act.CHUNK, 1),
    (0, Act.CHUNK, 102),
)  # fmt: skip
UNNAMED_AND_JOINED = of_two(
    (1, Act.GAP, 120), (1, Act.CHUNK, 21), (1, Act.CHUNK, 5), (1, Act.CHUNK, 30), (1, Act.CHUNK, 150)
)  # fmt: skip


def uninterrupted(made: Script) -> Topics:
    """What one owner says of it all."""
    topics = Topics()
    owner = Owner(made.records, made.idle, topics)
    for _ in made.records:
        owner.take()
    owner.finish()
    return topics


def said(window: WindowTags) -> dict[str, Any]:
    """All of a window's result but how far back it was known from."""
    result = window.as_json()
    del result["source"]["first_offset"]
    return result


def check(topics: Topics, truth: Topics) -> None:
    """The same windows, each once, from the same audio; the same tags, if some of them more than once."""
    assert Counter(window.id for window in topics.windows) == Counter(window.id for window in truth.windows)
    assert max(Counter(window.id for window in truth.windows).values(), default=1) == 1
    expected = {window.id: said(window) for window in truth.windows}
    for window in topics.windows:
        assert said(window) == expected[window.id]
    for name, sums in topics.heard.items():
        assert set(sums) == set(truth.heard[name])
    tags = dict(zip(truth.tag_ids, truth.tags, strict=True))
    assert set(topics.tag_ids) == set(tags)
    for id_, found in zip(topics.tag_ids, topics.tags, strict=True):
        if found["window"] is not None:  # else its time is the present
            assert found == tags[id_]
    assert topics.refused == truth.refused
    assert set(topics.stale) == set(truth.stale)


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(some_moves, seeds)
def test_owners_that_are_killed_at_any_moment(moves: list[Move], seed: int) -> None:
    made, rng, topics = script(moves), random.Random(seed), Topics()
    owner = Owner(made.records, made.idle, topics)
    while topics.commit is None or topics.commit[0] < len(made.records):
        match rng.choice(["take"] * 6 + ["say"] * 4 + ["acknowledge"] * 4 + ["commit"] * 2 + ["kill"]):
            case "take":
                if owner.point.next_offset < len(made.records):
                    owner.take()
            case "say":
                owner.say(rng.randint(1, 4))
            case "acknowledge":
                owner.acknowledge([rng.random() for _ in range(rng.randint(1, 4))])
            case "commit":
                owner.commit()
            case "kill":
                owner = Owner(made.records, made.idle, topics)
    owner.finish()
    check(topics, uninterrupted(made))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some_moves, seeds)
@example(REFUSED_FIRST, 0)
@example(STALE_FIRST, 0)
@example(ENDED_AND_GONE_ON, 0)
@example(UNNAMED_AND_JOINED, 0)
def test_any_record_may_be_the_committed_one(moves: list[Move], seed: int) -> None:
    made, rng = script(moves), random.Random(seed)
    truth = uninterrupted(made)
    for cut in range(len(made.records) + 1):
        topics = Topics()
        owner = Owner(made.records, made.idle, topics)
        for _ in range(cut):
            owner.take()
        owner.finish()
        for _ in range(rng.randint(0, len(made.records) - cut)):
            owner.take()
        owner.say(rng.randint(0, 10))
        owner.commit()
        heir = Owner(made.records, made.idle, topics)
        for _ in range(len(made.records) - heir.point.next_offset):
            heir.take()
        heir.finish()
        check(topics, truth)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(some_moves, seeds)
def test_heirs_with_other_models(moves: list[Move], seed: int) -> None:
    """Who takes over may score with other models: no window is lost, and every model says what it would have said."""
    made, rng, topics = script(moves), random.Random(seed), Topics()
    owner = Owner(made.records, made.idle, topics, rng.choice(ROSTERS))
    while topics.commit is None or topics.commit[0] < len(made.records):
        for _ in range(rng.randint(0, 5)):
            if owner.point.next_offset < len(made.records):
                owner.take()
        owner.say(rng.randint(0, 8))
        owner.acknowledge([rng.random() for _ in range(rng.randint(0, 8))])
        if rng.random() < 0.4:
            owner.commit()
        if rng.random() < 0.3:
            owner = Owner(made.records, made.idle, topics, rng.choice(ROSTERS))
    owner.finish()
    truth = uninterrupted(made)
    assert {window.id for window in topics.windows} == {window.id for window in truth.windows}
    assert set(topics.tag_ids) == set(truth.tag_ids)
    scores = {(window.id, said.model): said.scores for window in truth.windows for said in window.voices}
    for window in topics.windows:
        for said_by_model in window.voices:
            assert said_by_model.scores == scores[window.id, said_by_model.model]


@given(st.lists(st.sampled_from(["read", "issue", "done", "commit"]), max_size=200), seeds)
def test_the_watermark_never_goes_back_and_passes_nothing_undone(acts: list[str], seed: int) -> None:
    rng, mark, tickets, committed = random.Random(seed), Watermark(100), [], 100
    for act in acts:
        match act:
            case "read":
                mark.read(mark.next_offset + rng.randint(0, 2))  # offsets may be missing
            case "issue":
                tickets.append(mark.issue(Ticket(max(100, mark.next_offset - 1))))
            case "done" if tickets:
                rng.choice(tickets).done = True
            case "commit":
                late = [ticket.offset for ticket in tickets if not ticket.done and ticket.offset < committed]
                assert mark.committable >= committed
                assert mark.committable <= mark.next_offset
                committed = mark.committable
                undone = [ticket.offset for ticket in tickets if not ticket.done and ticket.offset not in late]
                assert committed <= min(undone, default=committed)
                mark.committed(committed)
    assert {ticket.offset for ticket in mark.from_offset(0)} >= {t.offset for t in tickets if not t.done}


def test_the_bookmark_always_fits_into_a_commit() -> None:
    big = 2**40
    closings = tuple(Closing(big + n, big + n) for n in range(500))
    runs = {n.to_bytes(4, "big"): Begun(big, n.to_bytes(4, "little") if n % 2 else None) for n in range(5000)}
    text = Bookmark(big, big, closings, runs).encode()
    assert len(text) < 4096  # Kafka's default offset.metadata.max.bytes
    found = decode_bookmark(text)
    assert found is not None
    assert found.closings == closings[-MAX_CLOSINGS:]
    assert list(found.runs.items()) == list(runs.items())[-MAX_RUNS:]


@given(st.text() | st.sampled_from(["{}", "[]", '{"genred":1,"audio":-1,"windows":0}', '{"genred":1,"audio":1}']))
def test_metadata_of_others_is_no_bookmark(text: str) -> None:
    assert decode_bookmark(text) is None
    assert decode_bookmark('{"genred":1,"audio":3,"windows":4}') == Bookmark(3, 4)
    assert decode_bookmark('{"genred":1,"audio":3,"windows":4,"closed":[3]}') is None
    assert decode_bookmark('{"genred":1,"audio":3,"windows":4,"runs":"\\u00e9"}') is None

"""Decoded frames in stretches: every frame once, none across a hole or a change of format, none held for long."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stretches import stretches

RATE_HZ = 8_000


@dataclass(frozen=True)
class Decoded:
    """A frame of `samples` at `pts` milliseconds."""

    pts: int | None
    samples: int
    sample_rate: int = RATE_HZ
    channels: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        return self.sample_rate, self.channels


Found = list[tuple[Decoded, int, list[Decoded]]]


def collected(frames: list[Decoded], stretch_s: float = 1.0) -> Found:
    """Each run stands for its first frame."""
    return list(stretches(frames, Fraction(1, 1000), stretch_s, lambda frame: frame.shape, lambda first: first))


def tenths(numbers: list[int], channels: int = 1) -> list[Decoded]:
    """Frames of a tenth of a second, each at its number's place."""
    return [Decoded(100 * n, RATE_HZ // 10, channels=channels) for n in numbers]


def test_a_stretch_ends_when_it_is_long_enough_at_a_hole_and_at_the_end() -> None:
    frames = tenths([0, 1, 2, 3, 4, 8, 9])
    assert [(start, len(held)) for _, start, held in collected(frames, 0.3)] == [(0, 3), (2400, 2), (6400, 2)]


def test_another_format_begins_anew_and_what_is_sent_twice_is_left_out() -> None:
    first, second = tenths([0, 1, 1, 2]), tenths([7, 8], channels=2)
    found = collected([*first, *second, *first[:1]])
    assert [(run, start, len(held)) for run, start, held in found] == [
        (first[0], 0, 3),
        (second[0], 0, 2),
        (first[0], 0, 1),
    ]


def test_a_format_that_is_refused_is_refused_at_its_first_frame() -> None:
    """Behind what came before it; a piece of a thousand channels is never collected."""

    def begin(first: Decoded) -> int:
        if first.channels > 8:
            raise ValueError("channels")
        return first.channels

    def frames() -> list[Decoded]:
        return [*tenths([0, 1]), *tenths([2], channels=1000)]

    found = stretches(frames(), Fraction(1, 1000), 1.0, lambda frame: frame.shape, begin)
    run, start, held = next(found)
    assert (run, start, len(held)) == (1, 0, 2)
    with pytest.raises(ValueError, match="channels"):
        next(found)


def test_what_was_given_away_is_not_kept() -> None:
    """While the next stretch is collected, nobody but its taker has the frames of the one before."""
    alive: list[weakref.ref[Decoded]] = []
    most = 0

    def frames() -> Iterator[Decoded]:
        nonlocal most
        for n in range(100):
            (frame,) = tenths([n])
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            most = max(most, sum(each() is not None for each in alive))

    for _, _, held in stretches(frames(), Fraction(1, 1000), 1.0, lambda frame: frame.shape, lambda _: None):
        assert len(held) == 10
        del held
    assert 10 <= most <= 12  # a stretch, the run's first frame, and the next one


@given(
    st.lists(
        st.builds(
            Decoded,
            pts=st.none() | st.integers(0, 20_000),
            samples=st.integers(1, 3 * RATE_HZ),
            channels=st.integers(1, 2),
        ),
        max_size=30,
    )
)
def test_nothing_overlaps_and_nothing_comes_twice_or_in_another_order(frames: list[Decoded]) -> None:
    found = collected(frames)
    seen = [id(frame) for _, _, held in found for frame in held]
    wanted = iter([id(frame) for frame in frames])
    assert all(any(one == other for other in wanted) for one in seen)
    runs: list[Decoded] = []
    end = 0
    for run, start, held in found:
        if not runs or run is not runs[-1]:
            runs.append(run)
            end = 0
        assert start >= end and all(frame.shape == run.shape for frame in held)
        assert sum(frame.samples for frame in held[:-1]) < RATE_HZ  # it would have ended before
        end = start + sum(frame.samples for frame in held)


@given(st.lists(st.integers(1, 3 * RATE_HZ), max_size=30))
def test_without_timestamps_every_frame_follows_the_one_before(samples: list[int]) -> None:
    found = collected([Decoded(None, n) for n in samples])
    assert [frame.samples for _, _, held in found for frame in held] == samples
    ends = [start + sum(frame.samples for frame in held) for _, start, held in found]
    assert [start for _, start, _ in found] == [0, *ends][: len(found)]

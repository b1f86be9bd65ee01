"""The frame clock: jitter, bursts and drift are not losses; a lasting shortfall is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.sources.frame_clock import DRIFT, FrameClock

RATE_HZ = 48_000
BLOCK = 2_400  # 50 ms


def deliver(clock: FrameClock, blocks: int, start_s: float, late_s: float = 0.0) -> list[int]:
    """Positions of `blocks` blocks, the first of which began at `start_s`, each delivered `late_s` late."""
    return [clock.place(start_s + (n + 1) * BLOCK / RATE_HZ + late_s, BLOCK) for n in range(blocks)]


@given(st.lists(st.floats(0.0, 0.9), min_size=1, max_size=200))
def test_jitter_is_no_loss(lateness: list[float]) -> None:
    clock = FrameClock(RATE_HZ)
    deliver(clock, 40, 0.0)
    for n, late_s in enumerate(lateness):
        # Every tenth block is on time: the path's delay has not changed.
        clock.place((41 + n) * BLOCK / RATE_HZ + (late_s if n % 10 else 0.0), BLOCK)
    assert clock.lost_frames == 0


def test_bursts_are_no_loss_and_do_not_move_the_time_of_a_frame() -> None:
    clock = FrameClock(RATE_HZ)
    for burst in range(200):
        for _ in range(7):
            clock.place((burst + 1) * 7 * BLOCK / RATE_HZ, BLOCK)
    assert clock.lost_frames == 0
    assert abs(clock.time_of(0)) < BLOCK / RATE_HZ


@given(st.floats(-DRIFT, DRIFT))
def test_a_card_that_runs_slow_or_fast_loses_nothing_in_an_hour(drift: float) -> None:
    clock = FrameClock(RATE_HZ)
    for n in range(3600):
        clock.place((n + 1) * (1 + drift), RATE_HZ)
    assert clock.lost_frames == 0


@given(st.floats(0.3, 5.0), st.integers(0, 100))
def test_a_lasting_shortfall_advances_the_position_by_its_length(lost_s: float, before: int) -> None:
    clock = FrameClock(RATE_HZ)
    deliver(clock, 40 + before, 0.0)
    first, *_, last = deliver(clock, 100, (40 + before) * BLOCK / RATE_HZ + lost_s)
    assert first == (40 + before) * BLOCK  # nobody can know yet
    assert abs(last - (139 + before) * BLOCK - lost_s * RATE_HZ) < 0.02 * RATE_HZ
    assert clock.lost_frames == last - (139 + before) * BLOCK


def test_small_losses_add_up() -> None:
    clock = FrameClock(RATE_HZ)
    for n in range(10):
        deliver(clock, 40, n * 2.1)
    deliver(clock, 100, 21.0)
    assert 0.7 < clock.lost_frames / RATE_HZ < 1.0


def test_after_a_reopening_the_clock_places_the_audio() -> None:
    clock = FrameClock(RATE_HZ)
    deliver(clock, 40, 0.0)
    clock.resume()
    assert deliver(clock, 1, 10.0) == [10 * RATE_HZ]
    clock.resume()
    assert deliver(clock, 1, 9.0) == [10 * RATE_HZ + BLOCK]  # never back


def test_frames_known_lost_are_skipped_at_once() -> None:
    clock = FrameClock(RATE_HZ)
    deliver(clock, 1, 0.0)
    assert clock.place(1.0, BLOCK, skipped=RATE_HZ) == BLOCK + RATE_HZ
    assert clock.lost_frames == RATE_HZ


def test_the_time_of_a_frame_is_when_it_was_captured() -> None:
    clock = FrameClock(RATE_HZ)
    deliver(clock, 200, 100.0)
    assert abs(clock.time_of(3 * RATE_HZ) - 103.0) < 1e-6

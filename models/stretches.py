"""Decoded frames -> stretches without a hole, each of one format and of about a wanted length. Pure.

What becomes of a stretch is converted at once: little work a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, groupby
from typing import Generic, Protocol, TypeVar

from models.timeline import Timeline


class DecodedFrame(Protocol):
    """What is asked of a frame; PyAV's AudioFrame has it. `pts` is in units of the stream's time base."""

    @property
    def pts(self) -> int | None: ...
    @property
    def samples(self) -> int: ...
    @property
    def sample_rate(self) -> int: ...


Frame = TypeVar("Frame", bound=DecodedFrame)
Run = TypeVar("Run")


def stretches(
    frames: Iterable[Frame],
    time_base: Fraction,
    stretch_s: float,
    shape_of: Callable[[Frame], Hashable],
    begin: Callable[[Frame], Run],
) -> Iterator[tuple[Run, int, list[Frame]]]:
    """Each stretch as soon as it has `stretch_s` or ends: its run, its position in samples, its frames.

    shape_of: rate, sample format and channels; where they change, a run begins, whose positions count from 0. begin:
    called with a run's first frame, returns what stands for the run. Audio that was sent twice is left out.
    """
    for _, of_run in groupby(frames, shape_of):
        first = next(of_run)
        run = begin(first)
        collector = _Collector[Frame](first.sample_rate, time_base, stretch_s)
        for frame in chain([first], of_run):
            yield from ((run, *stretch) for stretch in collector.push(frame))  # no name here keeps it alive
        yield from ((run, *stretch) for stretch in collector.flush())


class _Collector(Generic[Frame]):
    """The frames of one run."""

    def __init__(self, sample_rate_hz: int, time_base: Fraction, stretch_s: float) -> None:
        ticks = time_base * sample_rate_hz
        self._scale, self._divisor = 2 * ticks.numerator, 2 * ticks.denominator
        self._timeline = Timeline(sample_rate_hz)
        self._wanted = max(1, round(stretch_s * sample_rate_hz))
        self._held: list[Frame] = []
        self._start = 0

    def push(self, frame: Frame) -> Iterator[tuple[int, list[Frame]]]:
        """The stretch that `frame` completes, or that ends before it because there is a hole."""
        expected, pts = self._timeline.next, frame.pts
        timestamp = None if pts is None else (pts * self._scale + self._divisor // 2) // self._divisor
        position = self._timeline.place(timestamp, frame.samples)
        if position is None:
            return
        if position != expected:
            yield from self.flush()
        if not self._held:
            self._start = position
        self._held.append(frame)
        if self._timeline.next - self._start >= self._wanted:
            yield from self.flush()

    def flush(self) -> Iterator[tuple[int, list[Frame]]]:
        """What is held, if anything."""
        if self._held:
            held, self._held = self._held, []
            yield self._start, held

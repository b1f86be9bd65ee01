"""The programme of the soak: one loop of music that every stream enters at another place, and what is said of it.

The loop is a whole number of hops, so a window's scores follow from its place in the loop: few windows are the truth
of hours. Only a stream's first window (nothing before it) and its last one (nothing behind it) differ from the others.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from daemon.messages import AudioChunk, StreamEnd
from tests.kafka_oracle import EPOCH, FORMAT, RATE_HZ
from tests.made_music import tune
from tests.parts import ListSource, make_parts, run_through

HOP_S, WINDOW_S = 2.0, 4.0
PLACES = 31  # hops in the loop: prime, so that every stream comes by every place whatever its first one is
SILENT = (11, 12, 13)  # hops
STEP = 7  # places from one stream's beginning to the next one's
CHUNK_S = 0.5
PERIODIC = 1e-5  # the most that one place's scores may differ from one round to the next
Document = dict[str, Any]


def place_of(stream: int, window: int = 0) -> int:
    """Where in the loop a stream's window begins, in hops."""
    return (stream * STEP + window) % PLACES


def windows_in(seconds: float) -> int:
    """Windows of a stream so long."""
    return max(0, int((seconds - WINDOW_S) / HOP_S + 1e-9) + 1)


def music(seed: int) -> bytes:
    """The loop: PCM in `FORMAT`, two hops of every tune, and some silence."""
    hops = [tune(seed + place // 2, 2 * HOP_S)[place % 2 * _hop() :][: _hop()] for place in range(PLACES)]
    for place in SILENT:
        hops[place] = np.zeros_like(hops[place])
    return (np.concatenate(hops) * 32767).astype("<i2").tobytes()


def cut(loop: bytes, place: int, position: int, frames: int) -> bytes:
    """Audio of a stream that began at `place`, from frame `position` on; at most a loop of it."""
    start = (place * _hop() + position) * FORMAT.frame_bytes % len(loop)
    size = frames * FORMAT.frame_bytes
    return (loop[start : start + size] + loop[: max(0, start + size - len(loop))])[:size]


@dataclass(frozen=True)
class Truth:
    """What one model says of every place: in the middle of a stream, as its first window, as its last."""

    model: str
    middle: dict[int, Document] = field(default_factory=dict)
    first: dict[int, Document] = field(default_factory=dict)
    last: dict[int, Document] = field(default_factory=dict)

    def of(self, stream: int, window: int, windows: int) -> Document:
        """The window result of a stream that has so many."""
        by_place = self.first if window == 0 else self.last if window == windows - 1 else self.middle
        return by_place[place_of(stream, window)]


def truth_of(model: Path, loop: bytes) -> Truth:
    """An uninterrupted run without Kafka: two rounds of the loop, and from every place a stream of two windows."""
    parts = make_parts(model)
    short_s, long_s = WINDOW_S + HOP_S, 2 * PLACES * HOP_S + WINDOW_S
    sources = [_source(str(place), loop, place, short_s) for place in range(PLACES)]
    results = asyncio.run(run_through(parts, [_source("rounds", loop, 0, long_s), *sources]))
    truth = Truth(results.windows[0].model.name)
    rounds: dict[int, Document] = {}
    for window in results.windows:
        if window.stream == "rounds":
            rounds[window.window] = window.as_json()
        elif window.window == 0:
            truth.first[int(window.stream)] = window.as_json()
        else:
            truth.last[(int(window.stream) + 1) % PLACES] = window.as_json()
    for window_number in range(1, PLACES + 1):
        one, other = rounds[window_number], rounds[window_number + PLACES]
        assert off(one, other) < PERIODIC, f"place {window_number}: the loop is none"
        truth.middle[window_number % PLACES] = one
    return truth


def off(one: Document, other: Document) -> float:
    """How far two windows are apart: the worst of the scores; 1 when they differ in what is no score."""
    scores, others = one["scores"], other["scores"]
    if (one["silent"], one["gap_s"]) != (other["silent"], other["gap_s"]) or scores.keys() != others.keys():
        return 1.0
    return max((abs(scores[label] - others[label]) for label in scores), default=0.0)


def _source(name: str, loop: bytes, place: int, seconds: float) -> ListSource:
    frames = round(CHUNK_S * RATE_HZ)
    chunks = [
        AudioChunk(name, EPOCH, position, FORMAT, cut(loop, place, position, frames), position / RATE_HZ)
        for position in range(0, round(seconds * RATE_HZ), frames)
    ]
    return ListSource(name, [*chunks, StreamEnd(name, EPOCH)])


def _hop() -> int:
    return round(HOP_S * RATE_HZ)

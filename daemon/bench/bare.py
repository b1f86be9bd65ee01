"""The network and nothing else: how long one window takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Protocol

import numpy as np

from daemon.inference import Scores
from models.card import Card

BARE_S = 0.5


class Network(Protocol):
    """A model of a CPU: it can be asked directly."""

    @property
    def card(self) -> Card:
        """What the file says of itself."""
        ...

    def scores(self, spectrograms: Scores) -> Scores:
        """Scores of whole windows."""
        ...

    def scores_and_carries(self, spectrograms: Scores, carried: Scores | None) -> tuple[Scores, Scores]:
        """The same, and what windows hand on."""
        ...


def bare_ms(network: Network) -> dict[str, float]:
    """Milliseconds of one window: a `window` alone, and a `hop`, with what the window before handed on."""
    card = network.card
    window = card.golden_input[np.newaxis]
    if card.carry is None:
        alone_ms = _median_ms(lambda: network.scores(window))
        return {"window": alone_ms, "hop": alone_ms}
    carried = network.scores_and_carries(window, None)[1]
    return {
        "window": _median_ms(lambda: network.scores(window)),
        "hop": _median_ms(lambda: network.scores_and_carries(window, carried)),
    }


def _median_ms(work: Callable[[], object]) -> float:
    work()
    took_ms: list[float] = []
    ends = time.perf_counter() + BARE_S
    while not took_ms or time.perf_counter() < ends:
        started = time.perf_counter()
        work()
        took_ms.append((time.perf_counter() - started) * 1000)
    return median(took_ms)

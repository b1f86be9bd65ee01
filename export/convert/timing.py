"""How long networks take for a window, on one thread, measured side by side."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime

from export.convert.golden import golden_audio
from export.convert.runtime import cpu_session
from export.convert.variants import Graph
from models.card import Card
from models.front_ends.frames import make_frames
from models.front_ends.spec import FrontEnd

ROUNDS: Final = 15
_WARM_UPS: Final = 2


def side_by_side_ms(runs: Sequence[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """Milliseconds of processor time that each run takes, the median of `rounds` turns taken alternately.

    Each must compute on the calling thread alone: its processor time is counted, so that other programs on the machine
    weigh little; and they take turns, so that what these do weighs on all alike.
    """
    for run in runs:
        for _ in range(_WARM_UPS):
            run()
    took_s: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, times in zip(runs, took_s, strict=True):
            started = time.thread_time()
            run()
            times.append(time.thread_time() - started)
    return [1000 * median(times) for times in took_s]


def graphs_ms(graphs: Sequence[Graph]) -> list[float]:
    """Milliseconds a window of each graph."""
    return side_by_side_ms([window_run(cpu_session(graph.model, threads=1), graph.card) for graph in graphs])


def hop_run(front_end: FrontEnd, hop_s: float) -> Callable[[], npt.NDArray[np.float32]]:
    """A front end's work on the one hop block of a stream that is new: float32 (1, frames, features)."""
    n_samples = round(hop_s * front_end.sample_rate_hz) + front_end.samples_before + front_end.samples_after
    frames, samples = make_frames(front_end), golden_audio(front_end.sample_rate_hz, n_samples)[np.newaxis]
    return lambda: frames.frames_of(samples)


def window_run(session: onnxruntime.InferenceSession, card: Card) -> Callable[[], object]:
    """A session's work on one window of a stream, after the one before it where they share work."""
    given: dict[str, npt.NDArray[np.float32]] = {card.input_name: card.golden_input[np.newaxis]}
    if card.carry is None:
        return lambda: session.run([card.output_name], given)
    names = [card.output_name, card.carry.output_name]
    carried = {card.carry.input_name: session.run(names, given)[1]}
    return lambda: session.run(names, {**given, **carried})

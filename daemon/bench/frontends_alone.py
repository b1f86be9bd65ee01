"""The front ends that have a name, each beside log-mel of the same rate and sizes, in turns: what a hop block takes.

A program of its own (`daemon.bench.children`), which is asked for {"rounds": n}.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.children import answer, asked
from daemon.bench.music import music_pcm
from daemon.bench.others import others_share, quiet, used
from models.front_ends.frames import make_frames
from models.front_ends.named import HEARINGS, Hearing
from models.front_ends.network_input import network_input
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]

BLOCK_S = 2.0
_TURN_S = 0.05  # for which one is repeated in its turn


class Contender:
    """A named front end on music, and the log-mel that it is set beside."""

    def __init__(self, hearing: Hearing) -> None:
        self.hearing = hearing
        spec = hearing.front_end
        block = _music(spec, BLOCK_S)
        own, beside = make_frames(spec), _log_mel_like(spec)
        frames = own.frames_of(_music(spec, hearing.window_s))
        self.works: dict[str, Callable[[], object]] = {
            "block": lambda: own.frames_of(block),
            "window": lambda: network_input(frames, spec),
        }
        if beside is not None:
            log_mel, its_block = make_frames(beside), _music(beside, BLOCK_S)
            self.works["log_mel"] = lambda: log_mel.frames_of(its_block)
        self.rounds: list[dict[str, float]] = []

    def take_turns(self) -> None:
        """One round: each of its works, one after the other."""
        began = used()
        found = {name: _median_ms(work) for name, work in self.works.items()}
        self.rounds.append({**found, "others": others_share(began, used())})

    def row(self, name: str) -> dict[str, Any]:
        """Medians of the quiet rounds."""
        spec = self.hearing.front_end
        kept = quiet(self.rounds, lambda one: one["others"])
        ratios = [one["block"] / one["log_mel"] for one in kept if "log_mel" in one]
        return {
            "name": name,
            "kind": spec.kind,
            "sample_rate_hz": spec.sample_rate_hz,
            "block_ms": round(median(one["block"] for one in kept), 4),
            "of_log_mel": round(median(ratios), 2) if ratios else None,
            "window_s": self.hearing.window_s,
            "window_ms": round(median(one["window"] for one in kept), 4),
            "rounds": len(self.rounds),
            "rounds_used": len(kept),
        }


def main() -> None:
    """Measure in turns, so that the machine's mood falls on all alike."""
    contenders = {name: Contender(hearing) for name, hearing in HEARINGS.items()}
    for _ in range(asked()["rounds"]):
        for contender in contenders.values():
            contender.take_turns()
    answer({"rows": [contender.row(name) for name, contender in contenders.items()]})


def _music(spec: FrontEnd, seconds: float) -> Floats:
    """(1, n_samples), with the front end's margins."""
    pcm = np.frombuffer(music_pcm(AudioFormat(SampleFormat.S16LE, spec.sample_rate_hz, 1)), "<i2")
    n_samples = round(seconds * spec.sample_rate_hz) + spec.samples_before + spec.samples_after
    return (pcm[np.newaxis, :n_samples] / np.float32(32768)).astype(np.float32)


def _log_mel_like(spec: FrontEnd) -> FrontEnd | None:
    """Of a waveform, which has no mels, there is none."""
    if not spec.n_mels:
        return None
    scaling = "db" if spec.scaling == "none" else spec.scaling
    return replace(spec, kind="log-mel", n_mfcc=0, scaling=scaling, normalisation="none")


def _median_ms(work: Callable[[], object]) -> float:
    """On the processor: by the clock, other work on the machine would lengthen long calls more than short ones."""
    work()
    took_ms: list[float] = []
    ends = time.perf_counter() + _TURN_S
    while not took_ms or time.perf_counter() < ends:
        started = time.thread_time()
        work()
        took_ms.append((time.thread_time() - started) * 1000)
    return median(took_ms)


if __name__ == "__main__":
    main()

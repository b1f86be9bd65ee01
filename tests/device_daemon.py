"""For the test of the whole program on sound devices: excerpts of the medley, a daemon that listens to two sinks."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.device_listening import capture_processes_of, is_capture_process
from tests.process import Daemon, running, wait_for
from tests.virtual_sound import RATE_HZ, SINKS

DEMO = Path(__file__).parent.parent / "deploy" / "demo"
RECOVERED_S = 15.0
FILLED_S = 0.1  # the edges of a hole may fall into two windows, and are filled there: 0.05 s a hop block
EXCERPT_S = 13.0  # on either side of a change of style
Result = dict[str, Any]


@dataclass(frozen=True)
class Excerpt:
    """Two styles of the medley, `EXCERPT_S` of each, and the genres that each may be called."""

    samples: NDArray[np.int16]  # 48 kHz, (frames, channels)
    expect: tuple[set[str], set[str]]


def excerpts_of_medley() -> dict[str, Excerpt]:
    """One for each sink: jazz, then house; strings, then metal."""
    with av.open(str(DEMO / "medley.ogg")) as container:
        assert container.streams.audio[0].rate == RATE_HZ
        decoded = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1).T
    medley = np.clip(decoded * 32768, -32768, 32767).astype(np.int16)
    segments = json.loads((DEMO / "medley.json").read_text(encoding="utf-8"))["segments"]
    found = {}
    for sink, (before, after) in zip(SINKS, (segments[0:2], segments[2:4]), strict=True):
        change, length = round(after["start_s"] * RATE_HZ), round(EXCERPT_S * RATE_HZ)
        expect = (set(before["expect"]), set(after["expect"]))
        found[sink] = Excerpt(medley[change - length : change + length], expect)
    return found


class Listening:
    """A daemon that listens to the two sinks, and what it says."""

    def __init__(self, daemon: Daemon, results: Path) -> None:
        self.daemon, self._results = daemon, results

    def results(self, stream: str, kind: str = "window") -> list[Result]:
        """What was said of a stream so far: its windows, or its `tags`."""
        lines = self._results.read_text().rpartition("\n")[0].splitlines()
        said = (json.loads(line) for line in lines)
        return [each for each in said if each["stream"] == stream and each["type"] == f"genred.{kind}.v1"]

    def source(self, stream: str) -> dict[str, Any]:
        """A source's object in `/status`."""
        (found,) = (each for each in self.daemon.status()["sources"] if each["name"] == stream)
        return dict(found)

    def until(self, stream: str, *states: str, limit_s: float = RECOVERED_S) -> float:
        """Wait for a state of a source; the seconds it took."""
        began_s = time.monotonic()
        wait_for(lambda: self.source(stream)["state"] in states, f"{stream} {' or '.join(states)}", limit_s)
        return time.monotonic() - began_s

    def stalled_streams(self) -> float:
        """The gauge, as Prometheus reads it."""
        page = self.daemon.get("/metrics")[1].splitlines()
        return float(next(line for line in page if line.startswith("genred_stalled_streams ")).split()[1])

    def codes(self) -> tuple[int, int]:
        """What `/livez` and `/readyz` answer."""
        return self.daemon.get("/livez")[0], self.daemon.get("/readyz")[0]

    def until_said(self, stream: str, end_s: float) -> None:
        """Wait for a window of a stream that ends after `end_s` (Unix seconds)."""
        wait_for(
            lambda: any(at_s(window["time"]) > end_s for window in self.results(stream)[-1:]), f"a window of {stream}"
        )

    def gaps(self, stream: str) -> list[float]:
        """Every hole of a stream so far, in seconds; windows are on the grid, and only a hole makes one miss."""
        said = self.results(stream)
        assert all(window["start_s"] == 2.0 * window["window"] for window in said)
        for before, after in pairwise(said):
            skipped = after["window"] - before["window"] - 1
            assert (skipped > 0) == (after["gap_s"] > FILLED_S), (before, after)
        return [window["gap_s"] for window in said if window["gap_s"] > FILLED_S]

    def gap_of(self, stream: str, place: int, away_s: float) -> float:
        """Wait for a gap; it is as long as the outage that began at `away_s` (Unix seconds)."""
        wait_for(lambda: len(self.gaps(stream)) > place, f"gap {place} of {stream}")
        (*_, back) = (each for each in self.source(stream)["transitions"] if each["state"] == "running")
        assert self.gaps(stream)[place] == pytest.approx(at_s(back["time"]) - away_s, abs=0.5)
        return self.gaps(stream)[place]

    def balanced(self) -> dict[str, Any]:
        """The `seconds` of `/status`; they must add up, and nothing be dropped."""
        return self._checked(self.daemon.status()["seconds"])

    def settled(self) -> tuple[dict[str, Any], dict[str, list[Result]]]:
        """The `seconds` and the windows of each sink, of one and the same moment."""

        def one_moment() -> tuple[dict[str, Any], dict[str, list[Result]]] | None:
            status = self.daemon.status()
            said = {sink: self.results(sink) for sink in SINKS}
            return (status["seconds"], said) if status["windows"] == sum(map(len, said.values())) else None

        seconds, said = wait_for(one_moment, "a moment between two windows")
        return self._checked(seconds), said

    @staticmethod
    def _checked(seconds: dict[str, Any]) -> dict[str, Any]:
        assert seconds["unaccounted"] == pytest.approx(0, abs=0.002), seconds
        assert seconds["dropped"] == {}, seconds
        return seconds

    def stop(self) -> None:
        """Drain; the devices are let go."""
        captures = capture_processes_of(self.daemon.process.pid)
        self.daemon.process.send_signal(signal.SIGTERM)
        assert self.daemon.wait() == 0, self.daemon.log
        assert not any(is_capture_process(pid) for pid in captures)


def settings_file(folder: Path, *sources: str) -> Path:
    """Settings with device sources and a JSON-lines sink; tags forget as quickly as in the demonstration."""
    tables = "".join(f'[[sources]]\nkind = "device"\n{source}\n' for source in sources)
    results = f'[[sinks]]\nkind = "jsonl"\npath = "{folder / "out.jsonl"}"\n'
    path = folder / "genred.toml"
    path.write_text(f"[http]\nport = 0\n[tags]\nhorizon_s = 8.0\nhalf_life_s = 2.0\n{tables}{results}")
    return path


@contextmanager
def listening(folder: Path) -> Iterator[Listening]:
    """`genred run` on both sinks: one at the sink's rate, one at what the device claims for its own."""
    hall, bar = SINKS
    first = f'device = "{hall}-mon"\nstream = "{hall}"\nsample_rate_hz = {RATE_HZ}'
    second = f'device = "{bar}-mon"\nstream = "{bar}"'
    with running(settings_file(folder, first, second)) as daemon:
        wait_for((folder / "out.jsonl").exists, "the sink's file")
        yield Listening(daemon, folder / "out.jsonl")


def at_s(text: str) -> float:
    """RFC 3339 as Unix seconds."""
    return datetime.fromisoformat(text).timestamp()

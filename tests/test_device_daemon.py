"""The whole program on sound devices: what is played is tagged, counted to the frame; trouble is named and survived.

With the shipped model, the demo medley, and real PortAudio on a real sound server (virtual_sound.py).
"""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.messages import rfc3339
from tests.device_listening import NOTICED_S, capture_processes_of, is_capture_process
from tests.process import Daemon, genred, running, wait_for
from tests.signals import write_wav
from tests.virtual_sound import RATE_HZ, SINKS, VirtualSound, missing

pytest_plugins = ["tests.sound_fixtures"]
pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
log = logging.getLogger(__name__)
DEMO = Path(__file__).parent.parent / "deploy" / "demo"
RECOVERED_S = 15.0
EXCERPT_S = 13.0  # on either side of a change of style
CLEAR_S = 0.5  # a window so far inside a style has heard nothing else, whatever the way to the device takes
Result = dict[str, Any]


@dataclass(frozen=True)
class Excerpt:
    """Two styles of the medley, `EXCERPT_S` of each, and the genres that each may be called."""

    samples: NDArray[np.int16]  # 48 kHz, (frames, channels)
    expect: tuple[set[str], set[str]]


@pytest.fixture(scope="module")
def excerpts() -> dict[str, Excerpt]:
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

    def next_gap(self, stream: str, after: int) -> Result:
        """The first window of a stream after its first `after` ones; it must tell of missing audio."""
        wait_for(lambda: len(self.results(stream)) > after, f"a window of {stream} after the gap")
        window = self.results(stream)[after]
        assert window["gap_s"] > 0, window
        return window

    def heard_until(self, stream: str, end_s: float) -> bool:
        """Whether a window ends after the wall time `end_s`."""
        windows = self.results(stream)
        return bool(windows) and at_s(windows[-1]) > end_s

    def balanced(self, gap_is_lost: bool = False) -> None:
        """The `seconds` of `/status` must add up, and nothing be dropped."""
        seconds: dict[str, Any] = self.daemon.status()["seconds"]
        assert seconds["unaccounted"] == pytest.approx(0, abs=0.002), seconds
        assert seconds["dropped"] == {}, seconds
        assert (seconds["missing"] > 0) == gap_is_lost, seconds

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


def at_s(result: Result) -> float:
    """Wall time of a result's end, Unix seconds."""
    return datetime.fromisoformat(result["time"]).timestamp()


def top(window: Result) -> str:
    return str(max(window["scores"], key=window["scores"].__getitem__))


def inside(window: Result, began_s: float, style: int) -> bool:
    """Whether a window heard one style only; `began_s` is the wall time at which the excerpt began."""
    start_s = at_s(window) - 4 - began_s - style * EXCERPT_S
    return start_s >= CLEAR_S and start_s + 4 <= EXCERPT_S - CLEAR_S


def test_what_is_played_into_two_devices_is_tagged_as_its_file_is(
    sound: VirtualSound, tmp_path: Path, excerpts: dict[str, Excerpt]
) -> None:
    with listening(tmp_path) as heard:
        for sink in SINKS:
            heard.until(sink, "running")
        began_s = {}
        for sink in SINKS:
            began_s[sink] = time.time()
            sound.play(sink, excerpts[sink].samples)
        for sink in SINKS:
            wait_for(partial(heard.heard_until, sink, began_s[sink] + 2 * EXCERPT_S), f"{sink}'s last window")
        heard.balanced()
        heard.stop()
    for sink in SINKS:
        windows, excerpt = heard.results(sink), excerpts[sink]
        # Counted to the frame: every window of the grid from the first on, and no gap.
        assert [window["window"] for window in windows] == list(range(len(windows)))
        assert all(window["gap_s"] == 0 for window in windows)
        in_file = tagged_as_a_file(write_wav(tmp_path / f"{sink}.wav", excerpt.samples, RATE_HZ))
        for style, expect in enumerate(excerpt.expect):
            from_device = [top(window) for window in windows if inside(window, began_s[sink], style)]
            from_file = [top(w) for w in in_file if inside({**w, "time": rfc3339(w["end_s"])}, 0.0, style)]
            assert len(from_device) >= 3
            assert set(from_device) <= expect, (sink, style, from_device)
            assert set(from_file) <= expect
            assert any(tags["top"] in expect and tags["changed"] for tags in heard.results(sink, "tags"))


def test_a_suspended_device_and_a_killed_server_are_named_and_survived(sound: VirtualSound, tmp_path: Path) -> None:
    hall = SINKS[0]
    with listening(tmp_path) as heard:
        heard.until(hall, "running")
        wait_for(lambda: len(heard.results(hall)) >= 1, "a window before the trouble")
        sound.suspend(hall, on=True)
        noticed_s = heard.until(hall, "stalled", "retrying")
        assert noticed_s < NOTICED_S
        assert f"{hall}-mon" in heard.source(hall)["last_error"]
        wait_for(lambda: heard.stalled_streams() >= 1, "the gauge")
        assert heard.daemon.get("/livez")[0] == 200
        before = len(heard.results(hall))
        sound.suspend(hall, on=False)
        heard.until(hall, "running")
        gap_s = heard.next_gap(hall, before)["gap_s"]
        assert gap_s > noticed_s - 0.5
        sound.kill()
        killed_noticed_s = heard.until(hall, "stalled", "retrying")
        assert killed_noticed_s < NOTICED_S
        assert heard.daemon.get("/livez")[0] == 200
        before = len(heard.results(hall))
        sound.start()
        sound.keep_awake(hall)
        heard.until(hall, "running")
        heard.next_gap(hall, before)
        heard.balanced(gap_is_lost=True)
        log.info(f"stall noticed in {noticed_s:.2f} s, gap {gap_s:.2f} s; killed server in {killed_noticed_s:.2f} s")
        heard.stop()


def test_an_absent_device_is_retried_unless_it_is_required(sound: VirtualSound, tmp_path: Path) -> None:
    with running(settings_file(tmp_path, 'device = "nonsense"\nstream = "lost"')) as daemon:
        wait_for(lambda: daemon.status()["sources"][0]["state"] == "retrying", "the retry")
        assert daemon.get("/livez")[0] == 200
        assert daemon.get("/readyz")[0] == 503
        assert "hall-mon" in daemon.status()["sources"][0]["last_error"]
    done = genred("tag", "device:nonsense")
    assert done.returncode == 69
    (error,) = done.stderr.strip().splitlines()
    assert "hall-mon" in error
    assert "hall-mon" in genred("devices").stdout
    done = genred("check", "-c", str(settings_file(tmp_path, 'device = "nonsense"\nstream = "lost"')))
    assert done.returncode == 69
    assert "FAIL  devices" in done.stdout


def tagged_as_a_file(path: Path) -> list[Result]:
    """The windows that `genred tag` gives."""
    done = genred("tag", "-o", "jsonl", str(path))
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return [result for result in results if result["type"] == "genred.window.v1"]

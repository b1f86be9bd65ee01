"""The wall clock is stepped under a running daemon (by libfaketime, which leaves the monotonic clock alone)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.process import Daemon, running, wait_for
from tests.signals import tones, write_wav
from tests.test_service import settings_file

LIBRARIES = sorted(Path("/usr/lib").glob("*-linux-gnu*/faketime/libfaketimeMT.so.1"))
HOUR_S = 3600


def stepped(daemon: Daemon, clock: Path, step: str) -> None:
    """The clock is stepped; hear on, and see that nothing is lost, restarted or thought dead."""
    before, since_s = daemon.status(), time.monotonic()
    clock.with_suffix(".new").write_text(step)
    clock.with_suffix(".new").replace(clock)
    wait_for(lambda: daemon.status()["windows"] > before["windows"] + 1, "more windows", 20.0)
    after, took_s = daemon.status(), time.monotonic() - since_s
    assert daemon.get("/livez")[0] == daemon.get("/readyz")[0] == 200
    assert 0 < after["uptime_seconds"] - before["uptime_seconds"] < took_s + 1
    assert abs(after["seconds"]["unaccounted"]) < 0.01
    assert after["seconds"]["dropped"] == before["seconds"]["dropped"]
    source = after["sources"][0]
    assert source["restarts"] == 0
    assert [each["state"] for each in source["transitions"]] == ["running"]
    assert source["seconds_since_audio"] < 5
    assert source["seconds_in_state"] < after["uptime_seconds"] + 1


@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (Debian: faketime)")
def test_a_clock_that_is_stepped_is_only_a_date(tmp_path: Path, tiny_model: Path) -> None:
    audio, clock = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000), tmp_path / "clock"
    clock.write_text("+0")
    more = ("model_watch_s = 0", "health.stuck_after_s = 5", "windows.window_s = 1.024", "windows.hop_s = 0.512")
    faked = {
        "LD_PRELOAD": str(LIBRARIES[-1]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running(settings_file(tmp_path, tiny_model, audio, *more), None, **faked) as daemon:
        wait_for(lambda: daemon.status()["windows"] > 0, "the first window")
        for step in (f"+{HOUR_S}", f"-{HOUR_S}", "+0"):
            stepped(daemon, clock, step)
        times = [json.loads(line)["time"] for line in daemon.log.splitlines()]
        assert times == sorted(times)  # none was logged meanwhile

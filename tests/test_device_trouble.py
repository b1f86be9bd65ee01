"""The sound device source through every trouble that a sound system makes (virtual_sound.py)."""

from __future__ import annotations

import logging
import subprocess
import sys
import time

import pytest

from daemon.sources.capture import ROOT
from daemon.sources.status import SourceState
from tests.device_listening import (
    NOTICED_S,
    capture_processes,
    capture_processes_of,
    heard_from,
    is_capture_process,
    noise,
    position_of,
    run,
    source_of,
)
from tests.virtual_sound import RATE_HZ, VirtualSound, missing, wait_until

pytest_plugins = ["tests.sound_fixtures"]
pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.realtime,
    pytest.mark.timeout(300),  # most of it for waiting to be alone
]
log = logging.getLogger(__name__)
LISTEN = """
import asyncio
from tests.device_listening import Heard, source_of
asyncio.run(Heard(source_of("hall-mon")).listen())
"""


def test_a_suspended_device_is_noticed_named_and_heard_again(sound: VirtualSound) -> None:
    before, after = noise(4, 0.6), noise(5, 0.6)

    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running()
            before_s = sound.play("hall", before)
            await heard.until_running(1.5)
            sound.suspend("hall", on=True)
            noticed_s = await heard.until_state(SourceState.STALLED, limit_s=NOTICED_S)
            assert "'hall-mon' has delivered nothing" in str(heard.source.status.last_error)
            await heard.until_state(SourceState.RETRYING)
            sound.suspend("hall", on=False)
            recovered_s = await heard.until_state(SourceState.RUNNING)
            after_s = sound.play("hall", after)
            await heard.until_running(1.5)
        apart_s = (position_of(after, heard.chunks) - position_of(before, heard.chunks)) / RATE_HZ
        ((_, missed),) = heard.gaps()
        log.info(f"stall noticed after {noticed_s:.2f} s, heard {recovered_s:.2f} s after resume")
        log.info(f"gap {missed / RATE_HZ:.3f} s; time line off by {apart_s - after_s + before_s:+.3f} s after it")
        assert abs(apart_s - (after_s - before_s)) < 0.3
        assert len({chunk.epoch for chunk in heard.chunks}) == 1

    run(scenario)


def test_a_pause_too_short_to_be_a_stall_is_a_gap(sound: VirtualSound) -> None:
    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running(3.0)
            sound.suspend("hall", on=True)
            began_s = time.monotonic()
            await heard.until(lambda: (heard.source.status.silence_s() or 0.0) > 1.2)
            sound.suspend("hall", on=False)
            paused_s = time.monotonic() - began_s
            await heard.until_running(4.5)
            assert heard.source.status.restarts == 0
        missed_s = sum(frames for _, frames in heard.gaps()) / RATE_HZ
        log.info(f"paused {paused_s:.2f} s, gap {missed_s:.2f} s")
        assert abs(missed_s - paused_s) < 0.3

    run(scenario)


def test_a_killed_sound_server_is_noticed_and_survived(sound: VirtualSound) -> None:
    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running()
            sound.kill()
            noticed_s = await heard.until_state(SourceState.RETRYING, limit_s=NOTICED_S)
            assert "'hall-mon'" in str(heard.source.status.last_error)
            await heard.until(lambda: "there is no sound device" in str(heard.source.status.last_error))
            sound.start()
            recovered_s = await heard.until_state(SourceState.RUNNING)
            await heard.until_running()
        log.info(f"kill noticed after {noticed_s:.2f} s, heard {recovered_s:.2f} s after the restart")
        assert abs(sum(frames for _, frames in heard.gaps()) / RATE_HZ - heard.capture_gap_s()) < 0.01

    run(scenario)


def test_an_unplugged_device_is_not_mistaken_for_the_one_its_stream_is_moved_to(sound: VirtualSound) -> None:
    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running(1.5)
            sound.unplug("hall")
            noticed_s = await heard.until_state(SourceState.RETRYING, limit_s=NOTICED_S)
            assert "'hall-mon' is gone: the sound server moved" in str(heard.source.status.last_error)
            await heard.until(lambda: "does not open" in str(heard.source.status.last_error))
            sound.plug_in("hall")
            recovered_s = await heard.until_state(SourceState.RUNNING)
            await heard.until_running()
        log.info(f"unplugging noticed after {noticed_s:.2f} s, heard {recovered_s:.2f} s after plugging in")

    run(scenario)


def test_one_device_in_trouble_does_not_touch_another(sound: VirtualSound) -> None:
    in_hall, in_bar = noise(2, 2.0), noise(3, 2.0)

    async def scenario() -> None:
        async with heard_from(source_of("bar-mon")) as bar, heard_from(source_of("hall-mon")) as hall:
            await hall.until_running()
            await bar.until_running()
            sound.play("hall", in_hall)
            sound.play("bar", in_bar)
            await hall.until_running(2.5)
            sound.suspend("hall", on=True)
            await hall.until_state(SourceState.RETRYING)
            sound.suspend("hall", on=False)
            await hall.until_running()
        assert bar.gaps() == []
        assert position_of(in_hall, hall.chunks) > 0
        assert position_of(in_bar, bar.chunks) > 0

    run(scenario)


def test_a_busy_event_loop_is_no_stall_and_loses_nothing(sound: VirtualSound) -> None:
    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running()
            until_s = time.monotonic() + NOTICED_S
            while time.monotonic() < until_s:
                pass
            await heard.until_running(2.5)
            assert heard.source.status.restarts == 0
        assert heard.gaps() == []

    run(scenario)


def test_the_device_is_let_go_while_its_sound_server_hangs(sound: VirtualSound) -> None:
    async def scenario() -> None:
        with sound.frozen():
            async with heard_from(source_of("hall-mon")) as heard:
                await heard.until(lambda: capture_processes() != [])
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running()
            with sound.frozen():
                await heard.until_state(SourceState.STALLED, limit_s=NOTICED_S)
            await heard.until_running()

    run(scenario)


def test_a_killed_daemon_leaves_no_capture_process(sound: VirtualSound) -> None:
    with subprocess.Popen([sys.executable, "-c", LISTEN], cwd=ROOT) as daemon:
        try:
            wait_until(lambda: capture_processes_of(daemon.pid) != [], "the device is captured")
            (left,) = capture_processes_of(daemon.pid)
        finally:
            daemon.kill()
    wait_until(lambda: not is_capture_process(left), "the capture process leaves too")

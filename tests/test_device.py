"""The sound device source, on real PortAudio and a real sound server (virtual_sound.py)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import SoundDeviceUnavailable
from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.capture import list_devices
from daemon.sources.device import DeviceSource
from daemon.sources.status import SourceState
from tests.device_listening import (
    Heard,
    capture_processes,
    heard_from,
    noise,
    position_of,
    run,
    source_of,
)
from tests.virtual_sound import CHANNELS, RATE_HZ, VirtualSound, missing

pytest_plugins = ["tests.sound_fixtures"]
pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.realtime,
    pytest.mark.timeout(300),  # most of it for waiting to be alone
]
OTHER_RATE = """
import pathlib, sys
here = pathlib.Path(__file__).parent
sys.path.remove(str(here))
del sys.modules["pyaudio"]
import pyaudio as real

class PyAudio(real.PyAudio):
    def get_device_info_by_index(self, index):
        return super().get_device_info_by_index(index) | {"defaultSampleRate": float((here / "rate").read_text())}

real.PyAudio = PyAudio
"""


def test_what_is_played_comes_back_whole_in_order_and_on_time(sound: VirtualSound) -> None:
    played = noise(1, 3.0)

    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_running()
            sound.play("hall", played)
            await heard.until_running(4.0)
            assert abs(time.time() - heard.chunks[-1].captured_at_s) < 0.5
        assert position_of(played, heard.chunks) > 0
        assert heard.gaps() == []
        assert heard.chunks[0].position == 0
        starts = [chunk.captured_at_s - chunk.format.seconds(chunk.position) for chunk in heard.chunks]
        assert np.ptp(starts[5:]) < 0.1
        epoch = datetime.fromisoformat(heard.chunks[0].epoch)
        assert abs(epoch.timestamp() - heard.chunks[0].captured_at_s) < 0.01

    run(scenario)


def test_a_required_device_that_is_not_there_is_an_error_that_names_those_that_are(sound: VirtualSound) -> None:
    with pytest.raises(SoundDeviceUnavailable, match=r"no sound device 'cellar'.*hall-mon.*bar-mon"):
        asyncio.run(Heard(source_of("cellar", required=True)).listen())


def test_a_device_that_is_not_there_yet_is_waited_for(sound: VirtualSound) -> None:
    sound.unplug("hall")

    async def scenario() -> None:
        async with heard_from(source_of("hall-mon")) as heard:
            await heard.until_state(SourceState.RETRYING)
            sound.plug_in("hall")
            await heard.until_running()
            assert heard.chunks[0].position == 0

    run(scenario)


def test_a_device_that_comes_back_with_another_rate_begins_a_new_epoch(
    sound: VirtualSound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real PortAudio, but for the default rate that devices claim: no virtual device changes that.
    (tmp_path / "pyaudio.py").write_text(OTHER_RATE)
    (tmp_path / "rate").write_text("44100")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def scenario() -> None:
        async with heard_from(DeviceSource("hall-mon", "s", on_drop=lambda chunk: None)) as heard:
            await heard.until_running()
            (tmp_path / "rate").write_text("32000")
            for pid in capture_processes():
                os.kill(pid, signal.SIGKILL)
            await heard.until(lambda: heard.chunks[-1].format.sample_rate_hz == 32_000)
            await heard.until_running()
        first, last = heard.chunks[0].epoch, heard.chunks[-1].epoch
        assert heard.chunks[0].format.sample_rate_hz == 44_100
        assert heard.ends == [StreamEnd("s", first)]
        assert first != last
        assert next(chunk for chunk in heard.chunks if chunk.epoch == last).position == 0

    run(scenario)


def test_alsa_without_a_default_is_an_error_and_does_not_end_the_process(sound: VirtualSound) -> None:
    sound.alsa_conf.write_text("pcm.other { type null }\n")
    with pytest.raises(SoundDeviceUnavailable, match="`default` pcm"):
        asyncio.run(Heard(source_of("hall-mon")).listen())
    with pytest.raises(SoundDeviceUnavailable, match="`default` pcm"):
        list_devices()


def test_without_pyaudio_the_extra_is_named(
    sound: VirtualSound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyaudio.py").write_text("raise ImportError('not here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SoundDeviceUnavailable, match=r"genred\[device\]"):
        asyncio.run(Heard(source_of("hall-mon")).listen())
    with pytest.raises(SoundDeviceUnavailable, match=r"genred\[device\]"):
        list_devices()


def test_devices_are_listed(sound: VirtualSound, capfd: pytest.CaptureFixture[str]) -> None:
    devices = {device.name: device for device in list_devices()}
    assert {"hall-mon", "bar-mon", "default"} <= devices.keys()
    assert devices["default"].is_default
    assert devices["hall-mon"].input_channels >= CHANNELS
    assert capfd.readouterr() == ("", "")  # ALSA's and JACK's complaints are not for the user's terminal


def test_a_slow_reader_loses_the_oldest_audio_and_it_is_counted(sound: VirtualSound) -> None:
    dropped: list[AudioChunk] = []

    async def scenario() -> None:
        source = DeviceSource("hall-mon", "s", dropped.append, sample_rate_hz=RATE_HZ, buffer_s=0.5)
        items = source.chunks()
        first = await anext(items)
        await Heard(source).until(lambda: len(dropped) > 20)
        after = await anext(items)
        assert isinstance(first, AudioChunk)
        assert isinstance(after, AudioChunk)
        assert dropped[0].position == first.frames  # the oldest went
        assert after.position == dropped[-1].position + dropped[-1].frames  # and nothing else
        assert source.status.dropped_s == pytest.approx(sum(chunk.seconds for chunk in dropped))
        await items.aclose()

    run(scenario)

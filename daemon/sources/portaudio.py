"""The capture process: the only place where PortAudio is loaded. Run by `capture.py`, never imported by the daemon.

PortAudio lives in a process of its own because it can end its process (an ALSA configuration without a `default` pcm
aborts inside PyAudio()), can block for ever in a call (a suspended source), sees new devices only after it has been
re-initialised (which closes every other open stream of the process), and writes to standard error as it pleases.
A process can be killed: that frees the device at once, whatever the state PortAudio is in.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from typing import Any, NoReturn

from daemon.sources.capture_wire import (
    KIND_DEVICES,
    KIND_FAILED,
    KIND_OPENED,
    CaptureError,
    CaptureRequest,
    Delivered,
    Failure,
    audio_message,
    json_message,
)
from daemon.sources.pulse_watch import PulseWatch
from daemon.sources.sound_devices import DeviceInfo, find_device

BLOCK_S = 0.05  # what PortAudio delivers at once
HELD_BLOCKS = 200  # 10 s, while the parent does not read; then the oldest go
TICK_S = 0.25  # how often the stream is asked whether it still lives
USUAL_CHANNELS = 2
INVALID_SAMPLE_RATE = -9997  # PortAudio's number for it
FALLBACK_RATES_HZ = (48_000, 44_100, 32_000, 16_000)


def main() -> NoReturn:
    """Serve one request (the argument: `list`, or a `CaptureRequest` as JSON) on standard output, then leave."""
    # A terminal's Ctrl-C and a service manager's stop reach the whole group: the parent decides when capture ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    output = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not land among the messages
    try:
        if sys.argv[1] == "list":
            devices = _devices(_portaudio())
            _write(output, json_message(KIND_DEVICES, [device.as_json() for device in devices]))
        else:
            threading.Thread(target=_leave_with_parent, daemon=True).start()
            _capture(CaptureRequest(**json.loads(sys.argv[1])), output)
    except CaptureError as error:
        _write(output, json_message(KIND_FAILED, {"failure": error.failure, "reason": str(error)}))
    os._exit(0)  # without closing anything: Pa_Terminate may block, and the system frees what a process holds


def _leave_with_parent() -> None:
    """Standard input is the parent's hand: when it lets go, for whatever reason, leave."""
    while os.read(0, 1):
        pass
    os._exit(0)


def _portaudio() -> Any:
    """A new PyAudio (it has no types). Raises CaptureError when it is not installed or its library is missing."""
    try:
        pyaudio = importlib.import_module("pyaudio")
    except ImportError as error:
        raise CaptureError(
            Failure.NOT_INSTALLED, f"PyAudio cannot be imported ({error}): install genred[device]"
        ) from error
    return pyaudio.PyAudio()


def _devices(portaudio: Any) -> list[DeviceInfo]:
    """Every device that can capture."""
    try:
        default = portaudio.get_default_input_device_info()["index"]
    except OSError:  # there is none
        default = None
    found = (portaudio.get_device_info_by_index(index) for index in range(portaudio.get_device_count()))
    return [
        DeviceInfo(
            index=info["index"],
            name=info["name"],
            host_api=portaudio.get_host_api_info_by_index(info["hostApi"])["name"],
            input_channels=info["maxInputChannels"],
            default_sample_rate_hz=round(info["defaultSampleRate"]),
            is_default=info["index"] == default,
        )
        for info in found
        if info["maxInputChannels"] > 0
    ]


class Capture:
    """One open device; PortAudio's thread fills `blocks`, the main thread empties them."""

    def __init__(self, portaudio: Any, device: DeviceInfo, request: CaptureRequest) -> None:
        self.blocks: deque[Delivered] = deque(maxlen=HELD_BLOCKS)
        self.filled = threading.Event()
        self._frames = 0
        self.channels = request.channels or min(device.input_channels, USUAL_CHANNELS)
        self.sample_rate_hz, self.stream = self._open(portaudio, device, request.sample_rate_hz)

    def _open(self, portaudio: Any, device: DeviceInfo, asked_hz: int | None) -> tuple[int, Any]:
        rates = (asked_hz,) if asked_hz else tuple(dict.fromkeys((device.default_sample_rate_hz, *FALLBACK_RATES_HZ)))
        errors = []
        for rate in rates:
            try:
                return rate, portaudio.open(
                    rate=rate,
                    channels=self.channels,
                    format=portaudio.get_format_from_width(2),
                    input=True,
                    input_device_index=device.index,
                    frames_per_buffer=round(rate * BLOCK_S),
                    stream_callback=self._delivered,
                )
            except (OSError, ValueError) as error:
                errors.append(f"{rate} Hz, {self.channels} channels: {error}")
                if getattr(error, "errno", None) != INVALID_SAMPLE_RATE:
                    break  # another rate would not help
        raise CaptureError(Failure.NOT_OPENED, f"sound device {device.name!r} does not open ({'; '.join(errors)})")

    def _delivered(self, audio: bytes, frames: int, _times: Any, _flags: int) -> tuple[None, int]:
        """PortAudio's thread. Its own times are not used: with ALSA they stand still through a burst of blocks."""
        self.blocks.append(Delivered(time.monotonic(), self._frames, audio))
        self._frames += frames
        self.filled.set()
        return None, 0  # paContinue


def _capture(request: CaptureRequest, output: int) -> None:
    portaudio = _portaudio()
    try:
        device = find_device(_devices(portaudio), request.device)
    except LookupError as error:
        raise CaptureError(Failure.NO_DEVICE, str(error)) from error
    capture = Capture(portaudio, device, request)
    opened = {"device": device.name, "sample_rate_hz": capture.sample_rate_hz, "channels": capture.channels}
    _write(output, json_message(KIND_OPENED, opened))
    watch = PulseWatch(os.getpid())
    while True:
        capture.filled.wait(TICK_S)
        capture.filled.clear()
        while capture.blocks:
            _write(output, audio_message(capture.blocks.popleft()))
        if not capture.stream.is_active():
            raise CaptureError(
                Failure.ENDED, f"sound device {device.name!r} stopped: unplugged, or its sound server ended"
            )
        if watch.moved is not None:
            raise CaptureError(Failure.ENDED, f"sound device {device.name!r} is gone: {watch.moved}")


def _write(output: int, message: bytes) -> None:
    """Write all of `message`; a parent that is gone ends us."""
    try:
        while message:
            message = message[os.write(output, message) :]
    except BrokenPipeError:
        os._exit(0)

"""The daemon's side of a capture process: start it, read what it hears, kill it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Any

from daemon.errors import SoundDeviceUnavailable
from daemon.sources.capture_wire import (
    HEADER,
    KIND_AUDIO,
    KIND_DEVICES,
    KIND_FAILED,
    KIND_OPENED,
    CaptureError,
    CaptureRequest,
    Delivered,
    Failure,
    Opened,
    read_audio,
)
from daemon.sources.sound_devices import DeviceInfo

log = logging.getLogger(__name__)
LIST_TIMEOUT_S = 20.0
OPEN_S = 10.0  # an open that takes longer hangs
REAP_S = 1.0
WAITS = 4
OUTPUT_KEPT = 8  # lines of a library's complaints
ROOT = str(Path(__file__).parents[2])
# By code, not by `-m`: it must find this very package, wherever it is started and however it is installed.
ENTRY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from daemon.sources.portaudio import main; main()"


class Capture:
    """A running capture process. Make it with `start`, end it with `kill`, which is prompt whatever it is stuck in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._complaints: deque[str] = deque(maxlen=OUTPUT_KEPT)
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, request: CaptureRequest) -> Capture:
        """Start capturing; what became of it is the first `read`. Raises CaptureError without a process to start."""
        pipe = asyncio.subprocess.PIPE
        command = _command(request.to_json())
        try:
            return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe))
        except OSError as error:  # too many processes or open files: may pass
            raise CaptureError(Failure.NOT_OPENED, f"no process to capture in could be started: {error}") from error

    async def read(self, limit_s: float) -> Opened | Delivered:
        """The next message: first `Opened`, then audio.

        Raises CaptureError when the process gave up or died, TimeoutError when it says nothing for `limit_s` seconds.
        """
        reading = asyncio.create_task(self._read())
        try:
            for _ in range(WAITS):
                # A busy event loop finds the timer and the message due together; one wait lost to that is no stall.
                done, _pending = await asyncio.wait({reading}, timeout=limit_s / WAITS)
                if done:
                    return reading.result()
            raise TimeoutError
        finally:
            reading.cancel()

    async def _read(self) -> Opened | Delivered:
        output = self._process.stdout
        assert output is not None  # it was asked for
        try:
            kind, length = HEADER.unpack(await output.readexactly(HEADER.size))
            body = await output.readexactly(length)
        except asyncio.IncompleteReadError:
            await self._process.wait()
            await asyncio.wait({self._listener}, timeout=1.0)
            raise _died(self._process.returncode, self._complaints) from None
        if kind == KIND_AUDIO:
            return read_audio(body)
        if kind == KIND_OPENED:
            return Opened(**json.loads(body))
        raise _gave_up(kind, body)

    async def kill(self) -> None:
        """End the process and reap it; the device is free afterwards. May be called again."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                self._process.kill()
            done, _ = await asyncio.wait({asyncio.ensure_future(self._process.wait())}, timeout=REAP_S)
            if not done:
                log.warning("capture process %d does not die: stuck in the sound driver", self._process.pid)
        self._listener.cancel()

    async def _listen(self) -> None:
        """ALSA and JACK write to standard error at every start: not for the terminal, but at hand for an error."""
        errors = self._process.stderr
        assert errors is not None
        async for line in errors:
            text = line.decode(errors="replace").rstrip()
            self._complaints.append(text)
            log.debug("capture process %d: %s", self._process.pid, text)


async def try_device(request: CaptureRequest) -> Opened:
    """Open a device, and let it go. Raises SoundDeviceUnavailable when it is not there or does not open."""
    capture: Capture | None = None
    try:
        capture = await Capture.start(request)
        opened = await capture.read(OPEN_S)
    except CaptureError as error:
        raise SoundDeviceUnavailable(str(error)) from error
    except TimeoutError:
        raise SoundDeviceUnavailable(hung(request.device)) from None
    finally:
        if capture is not None:
            await capture.kill()
    assert isinstance(opened, Opened)
    return opened


def hung(device: str | int) -> str:
    """Why a device that says nothing at all may do so."""
    return f"sound device {device!r} did not open within {OPEN_S:g} s: is its sound server hung?"


def list_devices() -> list[DeviceInfo]:
    """The sound devices that audio can be captured from. Blocks for about 0.3 s.

    Raises SoundDeviceUnavailable when PyAudio is missing or PortAudio does not start.
    """
    try:
        done = subprocess.run(_command("list"), stdin=subprocess.PIPE, capture_output=True, timeout=LIST_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise SoundDeviceUnavailable(f"PortAudio did not list its devices within {LIST_TIMEOUT_S:.0f} s") from error
    body = done.stdout[HEADER.size :]
    if not body:
        raise SoundDeviceUnavailable(str(_died(done.returncode, done.stderr.decode(errors="replace").splitlines())))
    kind, _length = HEADER.unpack_from(done.stdout)
    if kind != KIND_DEVICES:
        raise SoundDeviceUnavailable(str(_gave_up(kind, body)))
    return [DeviceInfo(**each) for each in json.loads(body)]


def _command(request: str) -> list[str]:
    # -P: a file in the working directory must not be taken for one of Python's modules.
    return [sys.executable, "-P", "-c", ENTRY, ROOT, request]


def _gave_up(kind: bytes, body: bytes) -> CaptureError:
    if kind != KIND_FAILED:
        raise AssertionError(f"a capture process sent a message of kind {kind!r}")
    said: dict[str, Any] = json.loads(body)
    return CaptureError(Failure(said["failure"]), said["reason"])


def _died(code: int | None, complaints: deque[str] | list[str]) -> CaptureError:
    last = complaints[-1] if complaints else "it said nothing"
    if code != -signal.SIGABRT:
        return CaptureError(Failure.ENDED, f"the capture process ended unasked (exit {code}): {last}")
    return CaptureError(
        Failure.ABORTED,
        "PortAudio gave up on the sound configuration: does ALSA's (~/.asoundrc, /etc/asound.conf, ALSA_CONFIG_PATH) "
        f"define a `default` pcm? `arecord -L` shows it. PortAudio's last words: {last}",
    )

"""A private sound server with virtual devices: real PortAudio, ALSA and PulseAudio, no hardware.

A sink NAME is a virtual loudspeaker; what is played to it is captured from the device `NAME-mon`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE_HZ, CHANNELS = 48_000, 2
SINKS = ("hall", "bar")
ALSA_CONF = "".join(
    ["pcm.!default { type pulse }\nctl.!default { type pulse }\n"]
    + [
        f'pcm.{sink}-mon {{ type pulse device "{sink}.monitor" hint {{ show on description "{sink}" }} }}\n'
        for sink in SINKS
    ]
)
WAIT_S = 15.0


def missing() -> str | None:
    """What keeps the virtual devices from being made here; None when nothing does."""
    programs = [program for program in ("pulseaudio", "pactl", "pacat") if shutil.which(program) is None]
    if programs:
        return f"{', '.join(programs)} not installed (apt: pulseaudio pulseaudio-utils libasound2-plugins)"
    return None if importlib.util.find_spec("pyaudio") else "PyAudio not installed (genred[device])"


def wait_until(true: Callable[[], bool], what: str, limit_s: float = WAIT_S) -> None:
    """Return as soon as `true()`; raises TimeoutError after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {limit_s:g} s: {what}")
        time.sleep(0.02)


class VirtualSound:
    """One PulseAudio server on a socket of its own; `env` leads libraries and programs to it and to nothing else."""

    def __init__(self, folder: Path) -> None:
        self.alsa_conf = folder / "asound.conf"
        self.alsa_conf.write_text(ALSA_CONF)
        self.env = {
            "PULSE_SERVER": f"unix:{folder}/native",
            "PULSE_RUNTIME_PATH": str(folder),
            "HOME": str(folder),
            "PULSE_LATENCY_MSEC": "50",
            "JACK_NO_START_SERVER": "1",
            "ALSA_CONFIG_PATH": str(self.alsa_conf),
        }
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []
        self.start()

    def start(self) -> None:
        """Start the server with all sinks; returns when it answers."""
        (self._folder / "native").unlink(missing_ok=True)
        modules = [f"module-native-protocol-unix auth-anonymous=1 socket={self._folder}/native", "module-always-sink"]
        modules[1:1] = [_null_sink(sink) for sink in SINKS]
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no"]
        with (self._folder / "pulse.log").open("ab") as output:
            self._server = subprocess.Popen(
                [*command, *(part for module in modules for part in ("-L", module))],
                env=os.environ | self.env,
                stderr=output,
            )
        wait_until(lambda: self._pactl("info", check=False) != "", f"the sound server answers (see {output.name})")
        for sink in SINKS:
            self.keep_awake(sink)

    def kill(self) -> None:
        """End the server without a goodbye."""
        for process in [*self._players, *([self._server] if self._server else [])]:
            process.kill()
            process.wait()
        self._players.clear()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server is there, and answers nothing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def suspend(self, sink: str, *, on: bool) -> None:
        """Suspend or resume a sink, and with it the device that listens to it."""
        self._pactl("suspend-sink", sink, "1" if on else "0")

    def unplug(self, sink: str) -> None:
        """Remove a sink; its listeners are moved elsewhere by the server."""
        listed = json.loads(self._pactl("--format=json", "list", "sinks"))
        self._pactl("unload-module", *(str(each["owner_module"]) for each in listed if each["name"] == sink))

    def plug_in(self, sink: str) -> None:
        """The sink is there again."""
        if sink not in (line.split("\t")[1] for line in self._pactl("list", "short", "sinks").splitlines()):
            self._pactl("load-module", *_null_sink(sink).split())
            self.keep_awake(sink)

    def restore(self) -> None:
        """Every sink is there, none suspended, and the ALSA configuration as it was."""
        self.alsa_conf.write_text(ALSA_CONF)
        for sink in SINKS:
            self.plug_in(sink)
            self.suspend(sink, on=False)

    def play(self, sink: str, frames: NDArray[np.int16]) -> float:
        """Begin to play 48 kHz stereo (frames, channels) after a little silence; the time at which it began."""
        # The server cuts some 10 ms off the beginning of a playback.
        audio = self._folder / f"playing-{len(self._players)}"
        audio.write_bytes(bytes(RATE_HZ // 10 * 2 * CHANNELS) + frames.tobytes())
        with audio.open("rb") as file:
            self._pacat(sink, file.fileno(), latency_ms=200)
        return time.monotonic()

    def keep_awake(self, sink: str) -> None:
        """Play silence, so that the sink's monitor delivers all the time."""
        with Path("/dev/zero").open("rb") as zeros:
            self._pacat(sink, zeros.fileno())

    def _pacat(self, sink: str, stdin: int, latency_ms: int = 20) -> subprocess.Popen[bytes]:
        command = [
            "pacat",
            "-p",
            "--raw",
            f"--latency-msec={latency_ms}",
            f"--rate={RATE_HZ}",
            f"--channels={CHANNELS}",
            "-d",
            sink,
        ]
        player = subprocess.Popen(command, env=os.environ | self.env, stdin=stdin, stderr=subprocess.DEVNULL)
        self._players.append(player)
        return player

    def _pactl(self, *arguments: str, check: bool = True) -> str:
        command = ["pactl", *arguments]
        done = subprocess.run(
            command, env=os.environ | self.env, check=check, capture_output=True, text=True, timeout=WAIT_S
        )
        return done.stdout


@contextmanager
def virtual_sound() -> Iterator[VirtualSound]:
    """A server of one's own (so tests may run beside each other), ended at the end."""
    # Not pytest's folder: the path of a socket may have some 100 characters only.
    with tempfile.TemporaryDirectory(prefix="genred-") as folder:
        sound = VirtualSound(Path(folder))
        try:
            yield sound
        finally:
            sound.kill()


def _null_sink(sink: str) -> str:
    return f"module-null-sink sink_name={sink} rate={RATE_HZ} channels={CHANNELS} format=s16le"

"""Notices that a sound server moved our stream to another device, which PortAudio does not say.

When a device is unplugged, PulseAudio and PipeWire hang its listeners onto another one: a microphone's stream then
carries silence, or the music of a different device, under the old name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

POLL_S = 1.0
TIMEOUT_S = 5.0


class PulseWatch:
    """Asks the server (through `pactl`, where there is one) which source the streams of process `pid` listen to.

    `moved` is None, or says where a stream went. Without a server, or with `pactl` missing, nothing is ever said.
    """

    def __init__(self, pid: int) -> None:
        self.moved: str | None = None
        self._pid = pid
        self._pactl = shutil.which("pactl")
        if self._pactl is not None and _speaks_to_a_server():
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        first = self._sources()
        while first and self.moved is None:
            time.sleep(POLL_S)
            for stream, source in self._sources().items():
                if first.get(stream, source) != source:
                    self.moved = f"the sound server moved its stream to {self._name(source)}"

    def _name(self, source: int) -> str:
        names = (each["name"] for each in self._ask("sources") if each["index"] == source)
        return next(names, "another device")

    def _sources(self) -> dict[int, int]:
        """The source of each stream of ours; empty when the server does not answer."""
        streams = self._ask("source-outputs")
        ours = (each for each in streams if each.get("properties", {}).get("application.process.id") == str(self._pid))
        return {each["index"]: each["source"] for each in ours}

    def _ask(self, what: str) -> list[dict[str, Any]]:
        command = [str(self._pactl), "--format=json", "list", what]
        try:
            listed = json.loads(subprocess.check_output(command, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL))
        except (OSError, subprocess.SubprocessError, ValueError):  # gone, or too old to speak JSON
            return []
        return listed if isinstance(listed, list) else []


def _speaks_to_a_server() -> bool:
    """Whether the client library is loaded at all; asking without it could start a server that nobody wants."""
    try:
        return "libpulse" in Path("/proc/self/maps").read_text()
    except OSError:
        return False

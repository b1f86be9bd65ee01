"""systemd's notification protocol (sd_notify(3)): datagrams of NAME=value lines to the socket that it names."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


class Notifier:
    """Sends to one notification socket. Whoever listens there never holds the daemon up.

    watchdog_s: how often a sign of life is wanted, seconds; None: not by this process.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.watchdog_s = watchdog_s

    def send(self, **states: str | int) -> bool:
        """Tell all `states` at once; whether it could be told."""
        lines = "\n".join(f"{name}={_one_line(value)}" for name, value in states.items())
        try:
            self._socket.sendto(lines.encode(errors="replace"), self._address)
        except OSError as error:
            log.warning("the service manager cannot be told (%s)", error.strerror or error)
            return False
        return True

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def notifier_of(variables: Mapping[str, str]) -> Notifier | None:
    """The notifier that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID ask for; None when nobody listens."""
    address = variables.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        if address:
            log.warning("NOTIFY_SOCKET=%s is of a kind that genred does not speak to", address)
        return None
    microseconds, process = variables.get("WATCHDOG_USEC", ""), variables.get("WATCHDOG_PID", "")
    ours = not process or process == str(os.getpid())
    wanted = microseconds.isdecimal() and int(microseconds) > 0 and ours
    return Notifier(address, int(microseconds) / 1e6 if wanted else None)


def monotonic_usec() -> int:
    """The clock that RELOADING=1 is stamped with."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def _one_line(value: str | int) -> str:
    return " ".join(str(value).splitlines())

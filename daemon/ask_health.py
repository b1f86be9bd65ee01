"""`genred health`: asks a running daemon for its health, as a container's health check does. Also: is there one?"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException

import typer

from daemon.errors import DependencyUnavailable, SettingsError
from daemon.settings import HttpSettings

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # what to ask where it listens everywhere
ANSWER_LIMIT_BYTES = 4096
STATUS_LIMIT_BYTES = 1 << 26
STATUS_LIMIT_S = 2.0


def ask_health(http: HttpSettings, ready: bool, timeout_s: float) -> None:
    """Print the answer of /livez (`ready`: /readyz) of the daemon with these settings, on this machine.

    DependencyUnavailable when it does not answer within `timeout_s` or says no.
    """
    if not http.enabled or http.port == 0:
        raise SettingsError("http.enabled and http.port: the daemon with these settings has no address that is known")
    path = "/readyz" if ready else "/livez"
    host = EVERY_ADDRESS.get(http.host, http.host)
    where = f"http://{f'[{host}]' if ':' in host else host}:{http.port}{path}"
    try:
        status, body = _asked(http, path, timeout_s, ANSWER_LIMIT_BYTES)
    except (OSError, HTTPException) as error:
        raise DependencyUnavailable(f"{where}: no answer: {error}") from None
    answer = body.decode(errors="replace").strip()
    if status != 200:
        raise DependencyUnavailable(f"{where}: {status}: {answer}")
    typer.echo(answer)


def running_version(http: HttpSettings) -> str | None:
    """The version of the daemon that answers at this address; None when nobody does, or another program."""
    try:
        status = json.loads(_asked(http, "/status", STATUS_LIMIT_S, STATUS_LIMIT_BYTES)[1])
    except (OSError, HTTPException, ValueError):
        return None
    if not isinstance(status, dict) or not {"version", "uptime_seconds", "unready_because"} <= status.keys():
        return None
    return str(status["version"])


def _asked(http: HttpSettings, path: str, timeout_s: float, limit_bytes: int) -> tuple[int, bytes]:
    """The answer's status, and what there is of it up to the limit. OSError, HTTPException."""
    connection = HTTPConnection(EVERY_ADDRESS.get(http.host, http.host), http.port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(limit_bytes)
    finally:
        connection.close()

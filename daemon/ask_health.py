"""`genred health`: asks a running daemon for its health, as a container's health check does."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

import typer

from daemon.errors import DependencyUnavailable, SettingsError
from daemon.settings import HttpSettings

EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # what to ask where it listens everywhere
ANSWER_LIMIT_BYTES = 4096


def ask_health(http: HttpSettings, ready: bool, timeout_s: float) -> None:
    """Print the answer of /livez (`ready`: /readyz) of the daemon with these settings, on this machine.

    DependencyUnavailable when it does not answer within `timeout_s` or says no.
    """
    if not http.enabled or http.port == 0:
        raise SettingsError("http.enabled and http.port: the daemon with these settings has no address that is known")
    path = "/readyz" if ready else "/livez"
    host = EVERY_ADDRESS.get(http.host, http.host)
    where = f"http://{f'[{host}]' if ':' in host else host}:{http.port}{path}"
    connection = HTTPConnection(host, http.port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.read(ANSWER_LIMIT_BYTES).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        raise DependencyUnavailable(f"{where}: no answer: {error}") from None
    finally:
        connection.close()
    if response.status != 200:
        raise DependencyUnavailable(f"{where}: {response.status}: {answer}")
    typer.echo(answer)

"""A real Prometheus that scrapes daemons of a test every second, with the rules that are shipped in shorter time."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.process import wait_for

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
RULES = DEPLOY / "prometheus" / "rules"
DURATION = re.compile(r"\b(\d+)(m|s)\b")
SHORTEST_S = 4  # two scrapes and room for a late one
VARIABLES = {
    "$__rate_interval": "8s", "$__range": "1m", "$namespace": ".*", "$job": ".*", "$instance": ".*",
}  # fmt: skip


def shortened(text: str) -> str:
    """The rules with every duration (windows and `for`) a sixtieth of what it is, and never under four seconds.

    Names (`rate5m`) and bounds stay as they are; minutes have a unit, bounds in seconds have none.
    """

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[1]) * (60 if found[2] == "m" else 1)
        return f"{max(SHORTEST_S, seconds // 60)}s"

    return DURATION.sub(shorter, text)


def substituted(expression: str) -> str:
    """A dashboard's expression with its variables put in, all chosen."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


class Prometheus:
    """The running server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query or path}: {error.read().decode()}") from error

    def ready(self) -> bool:
        """Whether it listens."""
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def up(self) -> int:
        """How many targets answered the last scrape."""
        return sum(target["health"] == "up" for target in self.ask("targets")["activeTargets"])

    def values(self, expression: str) -> list[dict[str, Any]]:
        """What an expression is now."""
        result = self.ask("query", query=expression)
        return list(result["result"]) if result["resultType"] != "scalar" else [{"value": result["result"]}]

    def firing(self) -> set[tuple[str, str | None]]:
        """The alerts that fire: name and instance, if it is of one."""
        found = [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]
        return {(labels["alertname"], labels.get("instance")) for labels in found}


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Scrapes `targets` (instance -> address), by the shipped loopback configuration in shorter time."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "loopback.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [
        {"targets": [address.removeprefix("http://")], "labels": {"instance": name, "namespace": "test"}}
        for name, address in targets.items()
    ]
    (folder / "rules").mkdir(parents=True)
    for path in RULES.glob("*.yml"):
        (folder / "rules" / path.name).write_text(shortened(path.read_text()))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = shutil.which("prometheus")
    assert program, "Debian's package prometheus is not installed"
    command: Sequence[str] = (
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        wait_for(server.ready, "a Prometheus that listens")
        yield server
    finally:
        process.kill()
        process.wait(10)

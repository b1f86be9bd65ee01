"""What the pods run, run here: files and variables as the kubelet lays them out, a broker that wants a login."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.kafka_broker import Broker
from tests.kubernetes_manifests import Manifest, one, pod_specs, rendered, values_of, variables
from tests.process import genred, running, wait_for


class Laid:
    """A pod of these manifests, its volumes in a folder. Needs no cluster."""

    def __init__(self, manifests: list[Manifest], kind: str, folder: Path) -> None:
        self._pod = pod_specs(manifests)[kind]
        self._folder = folder
        (container,) = self._pod["containers"]
        assert container["command"] == ["genred"]
        self.arguments = [self._here(word) for word in container["args"]]
        self.environment = {name: str(value).replace("$(POD_NAME)", "genred-0") for name, value in self._variables()}
        places = {mount["name"]: self._here(mount["mountPath"]) for mount in container["volumeMounts"]}
        for volume in self._pod["volumes"]:
            for name, text in self._files(volume, manifests):
                file = Path(places[volume["name"]]) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text.replace('"/secrets/', f'"{folder}/secrets/'), encoding="utf-8")

    @property
    def settings(self) -> Path:
        """The settings file."""
        return Path(self.arguments[self.arguments.index("--config") + 1])

    def _here(self, word: str) -> str:
        return f"{self._folder}{word}" if word.startswith("/") else word

    def _variables(self) -> Iterator[tuple[str, str | None]]:
        return ((name, value) for name, value in variables(self._pod).items() if name.startswith("GENRED_"))

    @staticmethod
    def _files(volume: Manifest, manifests: list[Manifest]) -> Iterator[tuple[str, str]]:
        if "configMap" in volume:
            yield from one(manifests, "ConfigMap", volume["configMap"]["name"])["data"].items()
        for item in volume.get("secret", {}).get("items", ()):
            secret = one(manifests, "Secret", volume["secret"]["secretName"])
            yield item["path"], secret["stringData"][item["key"]]


@pytest.fixture
def installation(secure_broker: Broker, tiny_model: Path) -> list[Manifest]:
    """SCRAM over TLS, Secrets made from the values."""
    security = secure_broker.security
    assert security is not None
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    values: dict[str, Any] = values_of("plain")
    values["settings"] |= {
        "model": str(tiny_model),
        "http": {"host": "127.0.0.1", "port": port},
        "kafka": {
            "bootstrap_servers": [security.sasl],
            "windows_topic": "kube.windows",
            "tags_topic": "kube.tags",
            "dead_letter_topic": "kube.dead",
        },
    }
    values["source"] = {"topic": "kube.audio", "group": "kube"}
    values["topics"] = {"partitions": 3}
    values["sasl"] = {"mechanism": "SCRAM-SHA-512", "username": "genred", "password": security.users["genred"]}
    values["tls"] = {"enabled": True, "ca": security.ca.read_text(encoding="utf-8")}
    return rendered(values)


def test_topics_then_check_then_a_worker_until_it_is_stopped(installation: list[Manifest], tmp_path: Path) -> None:
    job = Laid(installation, "Job", tmp_path / "job")
    for expected in ("created  kube.audio: 3 partitions", "exists   kube.audio: 3 partitions"):  # as in an upgrade
        made = genred(*job.arguments, stdin=b"", **job.environment)
        assert (made.returncode, expected in made.stdout) == (0, True), made.stdout + made.stderr

    check = Laid(installation, "Pod", tmp_path / "check")
    tried = genred(*check.arguments, stdin=b"", **check.environment)
    assert (tried.returncode, "FAIL" in tried.stdout) == (0, False), tried.stdout + tried.stderr

    worker = Laid(installation, "StatefulSet", tmp_path / "worker")
    assert worker.arguments == ["run", "--config", str(worker.settings)]
    (container,) = pod_specs(installation)["StatefulSet"]["containers"]
    live, ready = (container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe"))
    with running(worker.settings, None, **worker.environment) as daemon:
        assert daemon.address.endswith(f":{container['ports'][0]['containerPort']}")
        assert daemon.get(live)[0] == 200
        wait_for(lambda: daemon.get(ready)[0] == 200, "readiness")
        assert daemon.get(live)[0] == 200
        daemon.process.send_signal(signal.SIGTERM)
        grace_s = pod_specs(installation)["StatefulSet"]["terminationGracePeriodSeconds"]
        assert daemon.process.wait(grace_s) == 0, daemon.log

"""deploy/docker and deploy/compose: linted, pinned, and saying what the project says. No engine is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from daemon.settings import Settings, load_settings
from tests.dockerfile import Stage, stages, whole_environment
from tests.kafka_broker import Broker
from tests.kafka_commands import started
from tests.process import genred, wait_for

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "deploy" / "docker"
COMPOSE = ROOT / "deploy" / "compose" / "compose.yaml"
DOCKERFILES = ("Dockerfile.cpu", "Dockerfile.gpu")
TOOLS = Path(sys.executable).parent
STREAMS = 4


def tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A program of the development environment."""
    return subprocess.run(
        [str(TOOLS / name), *map(str, arguments)], capture_output=True, text=True, check=False, cwd=ROOT
    )


def last(name: str) -> Stage:
    return stages(DOCKER / name)[-1]


def services() -> dict[str, dict[str, Any]]:
    """compose.yaml's services."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def pins(name: str) -> dict[str, str]:
    """The packages of a lock and their versions."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", (DOCKER / f"requirements.{name}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_dockerfiles_are_clean(name: str) -> None:
    done = tool("hadolint", DOCKER / name)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_base_is_pinned(name: str) -> None:
    named = {stage.name for stage in stages(DOCKER / name)}
    bases = {stage.base for stage in stages(DOCKER / name)} - named
    assert bases
    assert all("@sha256:" in base or re.search(r":\d+\.\d+\.\d+-", base) for base in bases)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_image_runs_as_a_numbered_user_and_knows_its_health(name: str) -> None:
    stage = last(name)
    assert stage.all("USER")[-1].text == "10001:10001"
    assert stage.all("HEALTHCHECK")[-1].json_words == ["genred", "health"]
    assert stage.all("ENTRYPOINT")[-1].json_words == ["genred"]
    assert stage.all("CMD")[-1].json_words == ["run", "-c", "/etc/genred/genred.toml"]
    assert stage.all("EXPOSE")[-1].text == str(Settings().http.port)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_images_variables_are_settings(name: str) -> None:
    variables = {key: value for key, value in whole_environment(last(name)).items() if key.startswith("GENRED_")}
    assert variables["GENRED_HTTP__HOST"] == "0.0.0.0"
    done = genred("config", stdin=b"", **variables)
    assert done.returncode == 0, done.stderr
    assert 'host = "0.0.0.0"' in done.stdout


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_there_and_not_ignored(name: str) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for stage in stages(DOCKER / name):
        for copy in stage.all("COPY"):
            if "from" not in copy.flags:
                for source in copy.arguments[:-1]:
                    assert (ROOT / source).exists()
                    assert any(source == each or source.startswith(f"{each}/") for each in kept), source


@pytest.mark.parametrize(("name", "extra"), [("cpu", "cpu"), ("cpu", "otel"), ("gpu", "gpu"), ("gpu", "otel")])
def test_the_pins_are_what_the_project_asks_for(name: str, extra: str) -> None:
    """A new dependency, or a raised version, asks for `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = pins(name)
    for text in [*project["dependencies"], *project["optional-dependencies"][extra]]:
        wanted = Requirement(text)
        assert wanted.name in pinned, f"{text}: run make lock"
        assert wanted.specifier.contains(pinned[wanted.name]), f"{text}, but {pinned[wanted.name]}: run make lock"


@pytest.mark.parametrize("name", ["build", "cpu", "gpu"])
def test_every_pin_has_its_hash(name: str) -> None:
    text = (DOCKER / f"requirements.{name}.txt").read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(name)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_cpu_image_has_no_torch() -> None:
    assert not {"torch", "torchaudio", "onnxruntime-gpu"} & pins("cpu").keys()
    assert {"torch", "onnxruntime-gpu"} <= pins("gpu").keys()
    assert "onnxruntime" not in pins("gpu")  # the same module as onnxruntime-gpu


def test_compose_takes_the_file() -> None:
    done = tool("docker-compose", "-f", COMPOSE, "config", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_pins_images_and_publishes_to_this_machine_only() -> None:
    for name, service in services().items():
        assert service["image"] == "genred:cpu" or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_what_compose_mounts_of_ours_is_there() -> None:
    wanted = {"./genred.toml", "../demo", "../prometheus"}
    found = {str(each).partition(":")[0] for service in services().values() for each in service["volumes"]}
    assert wanted <= found
    for path in wanted:
        assert (COMPOSE.parent / path).exists()


def test_two_workers_share_the_work_and_may_drain() -> None:
    worker = services()["genred"]
    assert worker["deploy"]["replicas"] == 2
    settings = load_settings(COMPOSE.parent / "genred.toml", {})
    assert float(worker["stop_grace_period"].removesuffix("s")) >= settings.drain_timeout_s + 5


def test_composes_kafka_is_the_one_that_the_tests_run() -> None:
    version = re.search(r"<version>([\d.]+)</version>", (ROOT / ".ci" / "kafka-pom.xml").read_text())
    assert version
    assert services()["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_prometheus_scrapes_the_workers_port() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    found = jobs["genred"]["dns_sd_configs"][0]
    assert found["names"] == ["genred"]
    assert found["port"] == Settings().http.port


def test_composes_commands_bring_tags_out_of_a_kafka(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same commands and settings, without containers: topics, two workers, the feeder."""
    monkeypatch.setenv("GENRED_KAFKA__BOOTSTRAP_SERVERS", f'["{broker.bootstrap}"]')
    monkeypatch.setenv("GENRED_HTTP__PORT", "0")
    monkeypatch.setenv("GENRED_ENGINE__THREADS", "1")
    done = genred(*arguments("topics"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("created") == 4
    for name in ("a", "b", "feeder", "watch"):
        (tmp_path / name).mkdir()
    worker = ("run", *arguments("genred")[1:])
    with (
        started(tmp_path / "a", *worker),
        started(tmp_path / "b", *worker),
        started(tmp_path / "feeder", *arguments("feeder")),
        started(tmp_path / "watch", "watch", "--bootstrap", broker.bootstrap, "--from-beginning", "--jsonl") as watch,
    ):
        wait_for(lambda: len(set(re.findall(r'"stream": ?"([^"]+)"', watch.out))) == STREAMS, "tags of every stream")


def arguments(service: str) -> list[str]:
    """What a service of genred's is called with, the settings where they are here."""
    command = services()[service].get("command") or last("Dockerfile.cpu").all("CMD")[-1].json_words
    here = {
        "/etc/genred/genred.toml": str(COMPOSE.parent / "genred.toml"),
        "/demo/medley.ogg": "deploy/demo/medley.ogg",
    }
    return [here.get(str(word), str(word)) for word in command]

"""`genred health`: the health check of containers, asked of the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.process import Daemon, genred, running, wait_for
from tests.signals import tones, write_wav


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("health")
    write_wav(folder / "tones.wav", tones(9, 22050, channels=2), 22050)
    settings = folder / "genred.toml"
    settings.write_text(
        f'model = "{tiny_model}"\n[[sources]]\nkind = "file"\npath = "{folder}/tones.wav"\n'
        "realtime = true\nloop = true\n"
        f'[[sinks]]\nkind = "jsonl"\npath = "{folder}/tags.jsonl"\n'
    )
    with running(settings) as daemon:
        yield daemon


def port(daemon: Daemon) -> str:
    return str(urlsplit(daemon.address).port)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_live_daemon_is_found_where_the_settings_say(daemon: Daemon, host: str) -> None:
    done = genred("health", GENRED_HTTP__PORT=port(daemon), GENRED_HTTP__HOST=host)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_readiness_is_another_question(daemon: Daemon) -> None:
    wait_for(lambda: daemon.get("/readyz")[0] == 200, "readiness")
    done = genred("health", "--ready", GENRED_HTTP__PORT=port(daemon))
    assert (done.returncode, done.stdout) == (0, "ok\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_settings_can_be_checked_beside_the_daemon_that_they_are_for(daemon: Daemon, host: str) -> None:
    done = genred("check", GENRED_HTTP__PORT=port(daemon), GENRED_HTTP__HOST=host)
    assert done.returncode == 0, done.stderr
    assert f"ok    http: {host}:{port(daemon)} is the running genred's" in done.stdout


def test_a_port_that_is_another_programs_is_code_69() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as other:
        thread = Thread(target=other.serve_forever)
        thread.start()
        done = genred("check", GENRED_HTTP__PORT=str(other.server_port))
        other.shutdown()
        thread.join()
    assert done.returncode == 69
    assert f"127.0.0.1:{other.server_port} cannot be had: Address already in use" in done.stderr


def test_nobody_there_is_code_69_and_a_line() -> None:
    done = genred("health", GENRED_HTTP__PORT="9")  # discard: nobody listens there
    assert done.returncode == 69
    assert done.stderr.startswith("genred: http://127.0.0.1:9/livez: no answer: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_address_that_nobody_can_know_is_code_78() -> None:
    done = genred("health", GENRED_HTTP__PORT="0")
    assert done.returncode == 78
    assert "http.port" in done.stderr

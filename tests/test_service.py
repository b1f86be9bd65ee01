"""The daemon as a real process: starts, serves its state, drains on signals, keeps its books, ends with its codes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.process import Daemon, genred, running, wait_for
from tests.signals import tones, write_wav


def settings_file(folder: Path, model: Path, audio: Path, *more: str, realtime: bool = True) -> Path:
    """Settings with one file source and a JSON-lines sink."""
    text = f"""
model = "{model}"
drain_timeout_s = 15
{chr(10).join(more)}
[[sources]]
kind = "file"
path = "{audio}"
stream = "radio"
realtime = {str(realtime).lower()}
loop = {str(realtime).lower()}
[[sinks]]
kind = "jsonl"
path = "{folder / "out.jsonl"}"
"""
    path = folder / "genred.toml"
    path.write_text(text)
    return path


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)


def results(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def first_window(daemon: Daemon) -> bool:
    return bool(daemon.status()["windows"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_cleanly(tmp_path: Path, tiny_model: Path, audio: Path, number: int) -> None:
    with running(settings_file(tmp_path, tiny_model, audio)) as daemon:
        wait_for(lambda: first_window(daemon), "the first window")
        daemon.process.send_signal(number)
        assert daemon.wait() == 0, daemon.log
        said = results(tmp_path)
        assert said[0]["type"] == "genred.window.v1"
        assert (said[-1]["type"], said[-1]["final"]) == ("genred.tags.v1", True)
        assert "stopped" in daemon.log


def test_its_state_can_be_read_while_it_runs(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    with running(settings_file(tmp_path, tiny_model, audio)) as daemon:
        assert daemon.get("/livez") == (200, "ok\n")
        assert json.loads(daemon.get("/version")[1])["name"] == "genred"
        wait_for(lambda: daemon.get("/readyz")[0] == 200, "readiness")
        wait_for(lambda: first_window(daemon), "the first window")
        status = daemon.status()
        assert status["model"]["name"] == "tiny"
        assert status["sources"][0]["state"] == "running"
        seconds = status["seconds"]
        assert seconds["tagged"] >= 4
        assert seconds["unaccounted"] == pytest.approx(0, abs=0.002)
        assert daemon.get("/nothing")[0] == 404


def test_conservation_in_the_exposition(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    """received = tagged + silent + gap + dropped + in flight, in the metrics of one scrape."""
    with running(settings_file(tmp_path, tiny_model, audio)) as daemon:
        wait_for(lambda: first_window(daemon), "the first window")
        values = dict(
            line.rsplit(" ", 1) for line in daemon.get("/metrics")[1].splitlines() if line.startswith("genred_audio_")
        )
        total = {name.partition("{")[0]: 0.0 for name in values}
        for name, value in values.items():
            total[name.partition("{")[0]] += float(value)
        explained = sum(
            total.get(f"genred_audio_{kind}", 0.0)
            for kind in (
                "tagged_seconds_total",
                "silent_seconds_total",
                "gap_seconds_total",
                "dropped_seconds_total",
                "in_flight_seconds",
            )
        )
        assert total["genred_audio_received_seconds_total"] == pytest.approx(explained, abs=1e-6)


def test_the_promised_metrics_are_there(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    with running(settings_file(tmp_path, tiny_model, audio)) as daemon:
        wait_for(lambda: first_window(daemon), "the first window")
        page = daemon.get("/metrics")[1]
    for name in (
        'windows_total{outcome="tagged"}',
        'stage_duration_seconds_bucket{le="0.001",stage="features"}',
        "end_to_end_latency_seconds_count",
        "realtime_factor",
        'queue_windows{queue="engine"}',
        'queue_capacity_windows{queue="engine"}',
        "batch_size_count",
        "batch_wait_seconds_count",
        "last_window_published_timestamp_seconds",
        "stalled_streams",
        "live_streams",
        'genre_windows_total{genre="',
        'build_info{version="',
        'model_info{name="tiny"',
        'inference_device_info{provider="CPUExecutionProvider"}',
    ):
        assert f"genred_{name}" in page
    for count in ("batch_size_count", "batch_wait_seconds_count", "end_to_end_latency_seconds_count"):
        assert f"genred_{count} 0.0" not in page


def test_it_ends_by_itself_when_its_sources_do(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    done = genred("run", "-c", str(settings_file(tmp_path, tiny_model, audio, realtime=False)), GENRED_HTTP__PORT="0")
    assert done.returncode == 0, done.stderr
    assert [line["window"] for line in results(tmp_path) if line["type"] == "genred.window.v1"] == [0]


def test_a_sink_that_takes_nothing_cannot_hold_the_drain_up(tmp_path: Path, tiny_model: Path) -> None:
    """Its reader has stopped reading: the drain ends at its deadline, with its own code."""
    audio = write_wav(tmp_path / "long.wav", tones(1200, 8000), 8000)
    settings = settings_file(tmp_path, tiny_model, audio, realtime=False)
    text = (
        settings.read_text()
        .replace(f'path = "{tmp_path / "out.jsonl"}"', "")
        .replace("drain_timeout_s = 15", "drain_timeout_s = 0.5")
    )
    settings.write_text(text)
    with running(settings, stdout=subprocess.PIPE) as daemon:
        wait_for(lambda: daemon.status()["queue_windows"] >= 64, "a full queue")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 75
        assert "drain_timeout_s = 0.5" in daemon.log


def test_a_second_signal_forces(tmp_path: Path, tiny_model: Path) -> None:
    audio = write_wav(tmp_path / "long.wav", tones(1200, 8000), 8000)
    settings = settings_file(tmp_path, tiny_model, audio, realtime=False)
    settings.write_text(settings.read_text().replace(f'path = "{tmp_path / "out.jsonl"}"', ""))
    with running(settings, stdout=subprocess.PIPE) as daemon:
        wait_for(lambda: daemon.status()["queue_windows"] >= 64, "a full queue")
        daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "draining" in daemon.log, "the drain")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 75
        assert "second signal" in daemon.log


def test_a_taken_port_is_said(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = genred("run", "-c", str(settings_file(tmp_path, tiny_model, audio)), GENRED_HTTP__PORT=port)
    assert done.returncode == 69
    assert f"127.0.0.1:{port} is in use" in done.stderr.splitlines()[-1]


def test_a_broken_source_does_not_stop_the_others(tmp_path: Path, tiny_model: Path, audio: Path) -> None:
    """The rest is tagged; the end says what failed."""
    broken = tmp_path / "broken.wav"
    broken.write_text("no audio")
    settings = settings_file(tmp_path, tiny_model, audio, realtime=False)
    with settings.open("a") as file:
        file.write(f'[[sources]]\nkind = "file"\npath = "{broken}"\nstream = "broken"\n')
    done = genred("run", "-c", str(settings), GENRED_HTTP__PORT="0")
    assert done.returncode == 64
    assert "broken.wav" in done.stderr.splitlines()[-1]
    assert any(line["stream"] == "radio" for line in results(tmp_path))

"""Sources and brokers that fail while the process is well: readiness follows them, liveness never does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.guard import Guard
from daemon.health import Health
from daemon.sources import stdin
from daemon.sources.status import SourceState
from daemon.sources.stdin import StdinSource
from tests.device_listening import Heard
from tests.kafka_broker import Broker
from tests.kafka_oracle import Broadcast
from tests.kafka_workers import topics_on, workers
from tests.parts import ListSource, make_parts
from tests.process import Daemon, running, wait_for
from tests.radio_server import broadcasting

STALL_S, NOTICED_S = 1.0, 8.0  # on a machine that does other things too
BROKER_NOTICED_S, BROKER_BACK_S = 20.0, 40.0
LINES_A_MINUTE = 10  # fewer, while a broker is away
PCM = AudioFormat(SampleFormat.S16LE, 8000, 1)


def until_alive_and(question: Callable[[], bool], daemon: Daemon, what: str, limit_s: float) -> float:
    """Wait for it, and see at every look that the process counts as alive; the seconds it took."""
    since_s = time.monotonic()

    def asked() -> bool:
        assert daemon.get("/livez") == (200, "ok\n")
        return question()

    wait_for(asked, what, limit_s)
    return time.monotonic() - since_s


def ready(daemon: Daemon) -> bool:
    return daemon.get("/readyz")[0] == 200


def test_a_radio_that_falls_silent_with_its_socket_open(tmp_path: Path, tiny_model: Path) -> None:
    with broadcasting() as radio:
        settings = tmp_path / "genred.toml"
        settings.write_text(f"""
model = "{tiny_model}"
sinks = [{{kind = "jsonl", path = "{tmp_path / "out.jsonl"}"}}]
[[sources]]
kind = "url"
url = "{radio.url("/live")}"
stream = "radio"
stall_timeout_s = {STALL_S}
""")
        with running(settings) as daemon:
            until_alive_and(lambda: ready(daemon), daemon, "audio", 20.0)
            assert daemon.status()["sources"][0]["seconds_since_audio"] < NOTICED_S
            radio.stall()
            until_alive_and(lambda: not ready(daemon), daemon, "no readiness", STALL_S + NOTICED_S)
            source = daemon.status()["sources"][0]
            assert source["state"] in ("stalled", "retrying")
            assert "no bytes for 1 s" in source["last_error"]
            radio.go_on()
            until_alive_and(lambda: ready(daemon), daemon, "audio again", 20.0)
            source = daemon.status()["sources"][0]
            assert (source["state"], source["restarts"] >= 1) == ("running", True)
            assert source["since"] == source["transitions"][-1]["time"]
            assert source["seconds_in_state"] < 20
            assert [each["state"] for each in source["transitions"]][:3] == ["running", "stalled", "retrying"]


def test_sources_of_one_name_are_counted_apart(tiny_model: Path) -> None:
    parts, sources = make_parts(tiny_model), [ListSource("radio.mp3", []), ListSource("radio.mp3", [])]
    guard = Guard(parts.engine, 60.0)
    health = Health(parts.pipeline, parts.engine, [], sources, parts.ledger, parts.metrics, guard)
    for _ in range(2):
        sources[0].status.change(SourceState.RETRYING, "connection refused")
        health.refresh_metrics()
    assert parts.metrics.registry.get_sample_value("genred_source_restarts_total", {"kind": "list"}) == 2


def test_a_writer_that_falls_silent_is_noticed_and_heard_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdin, "STALL_S", 0.3)
    reader, writer = os.pipe()

    async def run() -> None:
        with os.fdopen(reader, "rb") as file:
            heard = Heard(StdinSource("s", PCM, file))
            listener = asyncio.create_task(heard.listen())
            second = bytes(PCM.frame_bytes * 8000)
            os.write(writer, second)
            await heard.until_state(SourceState.RUNNING)
            took_s = await heard.until_state(SourceState.STALLED)
            assert took_s < 5
            assert "sent nothing" in str(heard.source.status.last_error)
            os.write(writer, second)
            await heard.until_state(SourceState.RUNNING)
            os.close(writer)
            async with asyncio.timeout(20):
                await listener
            assert sum(chunk.seconds for chunk in heard.chunks) == 2

    asyncio.run(run())


def test_a_broker_that_goes_and_comes_back(broker: Broker, tiny_model: Path, tmp_path: Path) -> None:
    """Readiness goes with it and comes back, liveness stays, and few words are lost about it.

    What comes of the results, in both deliveries, is in tests/test_kafka_failures.py.
    """
    topics = topics_on(broker.bootstrap, 2)
    with workers(topics, tmp_path, tiny_model, "exactly-once") as pool:
        daemon = pool.start()
        pool.until_working(daemon)
        feeding = pool.feed(Broadcast(streams=2, seconds=120), speed=2, partitions=2)
        wait_for(lambda: daemon.status()["windows"] > 5, "windows")
        assert_partitions_told(daemon)
        said = len(daemon.log.splitlines())
        broker.kill()
        until_alive_and(lambda: not ready(daemon), daemon, "no readiness", BROKER_NOTICED_S)
        assert "kafka:" in daemon.get("/readyz")[1]
        assert daemon.status()["sources"][0]["last_error"].startswith("the brokers do not answer")
        broker.start()
        until_alive_and(lambda: ready(daemon), daemon, "readiness again", BROKER_BACK_S)
        windows = daemon.status()["windows"]
        until_alive_and(lambda: daemon.status()["windows"] > windows, daemon, "more windows", BROKER_BACK_S)
        assert feeding.under_way
        lines = daemon.log.splitlines()[said:]
        assert most_in_a_minute(lines) < LINES_A_MINUTE, "\n".join(lines)
        assert any("is stalled: the brokers do not answer" in line for line in lines)
        daemon.process.send_signal(signal.SIGKILL)


def most_in_a_minute(lines: Sequence[str]) -> int:
    """The lines of the fullest minute, wherever it begins."""
    times = [datetime.fromisoformat(json.loads(line)["time"]) for line in lines]
    return max(sum(began <= at < began + timedelta(seconds=60) for at in times) for began in times)


def test_the_fullest_minute_is_found() -> None:
    lines = [json.dumps({"time": f"2026-01-01T00:0{seconds // 60}:{seconds % 60:02}Z"}) for seconds in (0, 59, 60, 118)]
    assert most_in_a_minute(lines) == 3


def assert_partitions_told(daemon: Daemon) -> None:
    """/status has a row for each partition."""

    def rows() -> list[dict[str, object]] | None:
        found = daemon.status()["sources"][0]["partitions"]
        return found if all(row.get("end") and row["seconds_since_audio"] is not None for row in found) else None

    partitions = wait_for(rows, "partitions that are heard")
    assert [row["partition"] for row in partitions] == [0, 1]
    for row in partitions:
        assert (row["owned"], row["state"], row["streams"]) == (True, "running", 1)
        assert row["position"] > 0  # type: ignore[operator]
        assert row["lag_records"] >= 0  # type: ignore[operator]
        assert [each["state"] for each in row["transitions"]] == ["starting", "running"]  # type: ignore[attr-defined]

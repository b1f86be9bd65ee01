"""A Kafka sink behind live audio: brokers that go away for long end nothing, and every second is in the books."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kafka_broker import Broker, Cluster
from tests.kafka_topics import Record, create_topic, leaders, read
from tests.process import Daemon, running, wait_for
from tests.signals import tones, write_wav

WINDOWS, TAGS = "genre.windows", "genre.tags"
GIVEN_UP_S = 2  # after so long a record whose partition has no leader is given up by the producer
pytestmark = pytest.mark.timeout(240)


def settings_file(folder: Path, model: Path, bootstrap: str) -> Path:
    """A file played in real time, again and again, into Kafka; little room for what must wait."""
    audio = write_wav(folder / "tones.wav", tones(5, 16_000), 16_000)
    path = folder / "genred.toml"
    path.write_text(f"""
model = "{model}"
engine = {{ device = "cpu", threads = 1, queue_windows = 1 }}
drain_timeout_s = 2
[kafka]
bootstrap_servers = {json.dumps(bootstrap.split(","))}
request_timeout_s = {GIVEN_UP_S}
[[sources]]
kind = "file"
path = "{audio}"
stream = "radio"
realtime = true
loop = true
[[sinks]]
kind = "kafka"
""")
    return path


def dropped_s(daemon: Daemon) -> float:
    """Seconds that live audio has lost, by the books; they balance."""
    seconds = daemon.status()["seconds"]
    assert seconds["unaccounted"] == pytest.approx(0, abs=0.002)
    return float(seconds["dropped"].get("overrun", 0.0))


def windows_more(daemon: Daemon, count: int) -> Callable[[], bool]:
    """Whether so many more have been published than now."""
    wanted = daemon.status()["windows"] + count
    return lambda: bool(daemon.status()["windows"] >= wanted)


def outlasts(daemon: Daemon, go_away: Callable[[], None], come_back: Callable[[], None]) -> None:
    """Not ready while they are away, alive, and what does not fit is counted; then it goes on by itself."""
    wait_for(windows_more(daemon, 2), "windows before the outage")
    assert daemon.get("/readyz")[0] == 200
    go_away()
    why = wait_for(lambda: unready(daemon), "a daemon that is not ready")
    assert "kafka: the brokers have not taken results" in why
    wait_for(lambda: dropped_s(daemon) > 1, "audio for which there is no room")
    assert daemon.get("/livez")[0] == 200
    assert daemon.status()["seconds"]["in_flight"] < 10  # what waits is bounded
    come_back()
    wait_for(windows_more(daemon, 3), "windows after the outage")
    assert daemon.get("/readyz")[0] == 200
    assert dropped_s(daemon) > 1


def unready(daemon: Daemon) -> str | None:
    """What /readyz says against it; None while it says nothing."""
    assert daemon.process.poll() is None, f"ended with {daemon.process.returncode}:\n{daemon.log[-3000:]}"
    code, why = daemon.get("/readyz")
    return why if code == 503 else None


def check_windows(records: list[Record]) -> None:
    """Each once, in order, and the audio between them that was dropped is said."""
    found = [json.loads(record.value or b"") for record in records]
    numbers = [window["window"] for window in found]
    assert numbers == sorted(set(numbers))
    (gap_s,) = [window["gap_s"] for window in found if window["gap_s"]]
    assert gap_s > 1


def test_partitions_without_a_leader(cluster: Cluster, tiny_model: Path, tmp_path: Path) -> None:
    """The producer gives the records up: they are sent again by another one."""
    for name in (WINDOWS, TAGS):
        asyncio.run(create_topic(cluster.bootstrap, name, most_replicas=1))
    victim = cluster.brokers[asyncio.run(leaders(cluster.bootstrap, WINDOWS))[0]]
    with running(settings_file(tmp_path, tiny_model, cluster.bootstrap)) as daemon:
        outlasts(daemon, victim.kill, victim.start)
        assert "results were not taken" in daemon.log
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.log
        published = daemon.log.rpartition("s of audio heard, ")[2].partition(" windows")[0]
    check_windows(asyncio.run(read(cluster.bootstrap, WINDOWS, int(published))))


def test_a_stop_while_the_broker_is_away_says_what_is_not_tagged(
    broker: Broker, tiny_model: Path, tmp_path: Path
) -> None:
    for name in (WINDOWS, TAGS):
        asyncio.run(create_topic(broker.bootstrap, name))
    with running(settings_file(tmp_path, tiny_model, broker.bootstrap)) as daemon:
        wait_for(windows_more(daemon, 1), "a window")
        broker.kill()
        wait_for(lambda: unready(daemon), "a daemon that is not ready")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 75, daemon.log
        assert "s of audio were not tagged" in daemon.log

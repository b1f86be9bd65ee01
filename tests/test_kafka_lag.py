"""Falling behind and catching up: lag as Kafka counts it, overload, records that are gone, many streams taken over."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.content_type import raw_content_type
from tests.kafka_broker import Broker
from tests.kafka_fixtures import MakeTopic
from tests.kafka_java import consumer_lag, kafka_tool
from tests.kafka_oracle import Broadcast, outcome
from tests.kafka_sending import Sent, send_all
from tests.kafka_topics import Record, read
from tests.kafka_workers import PARTITIONS, Topics, make_topics, topics_on, workers
from tests.process import Daemon, wait_for

STEREO = AudioFormat(SampleFormat.S16LE, 44_100, 2)
NOISE = np.random.default_rng(1).integers(-9000, 9000, 44_100 * 2).astype("<i2").tobytes()  # a second
STREAMS, BACKLOG_S = 4, 160  # 110 MB, some six seconds of work for the shipped network
MAX_GROWTH_MB = 80
TAKE_OVER_STREAMS = 200


@pytest.fixture
def topics(kafka: str, make_topic: MakeTopic) -> Topics:
    """Fresh topics."""
    return make_topics(kafka, make_topic)


def noise(first_s: int, stop_s: int, streams: int = STREAMS) -> list[Sent]:
    """A record a second, of every stream."""
    typed = ("content-type", raw_content_type(STEREO).encode())
    return [
        Sent(
            stream % PARTITIONS,
            b"s%d" % stream,
            NOISE,
            [typed, ("epoch", b"e"), ("position", b"%d" % (n * STEREO.sample_rate_hz))],
        )
        for n in range(first_s, stop_s)
        for stream in range(streams)
    ]


def metrics(daemon: Daemon) -> dict[str, float]:
    """Every series by its whole name, without the prefix."""
    rows = [line for line in daemon.get("/metrics")[1].splitlines() if not line.startswith("#")]
    return {row.rpartition(" ")[0].removeprefix("genred_"): float(row.rpartition(" ")[2]) for row in rows}


def lag_of(daemon: Daemon) -> float | None:
    """Records behind, by the worker; None while it does not know."""
    lags = [value for name, value in metrics(daemon).items() if name.startswith("consumer_lag_records{")]
    return sum(lags) if lags else None


def rss_mb(daemon: Daemon) -> float:
    """Memory that the worker holds."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_the_lag_is_the_one_that_kafka_reads(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    send_all(topics.bootstrap, topics.audio, noise(0, 5))
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        first = pool.start()
        topics.until_caught_up()
        wait_for(lambda: lag_of(first) == 0, "no lag")
        pool.stop(first)
        send_all(topics.bootstrap, topics.audio, noise(5, 12, streams=3))
        path = topics.settings(tmp_path, tiny_model, "at-least-once", "seldom")
        path.write_text(path.read_text().replace("commit_interval_s = 0.2", "commit_interval_s = 60"))
        second = pool.start_with(path)
        wait_for(lambda: lag_of(second) == 21, "the lag")
        found = metrics(second)
        for (topic, partition), lag in consumer_lag(topics.bootstrap, topics.group).items():
            assert found[f'consumer_lag_records{{partition="{partition}",topic="{topic}"}}'] == lag
        seconds = wait_for(lambda: metrics(second)["consumer_lag_audio_seconds"], "seconds of lag")
        assert seconds == pytest.approx(21, abs=0.5)


def test_a_lag_that_nobody_can_know_is_not_shown(broker: Broker, tiny_model: Path, tmp_path: Path) -> None:
    """While the brokers are away; its last figure would go on saying that all is well."""

    def shown(daemon: Daemon) -> set[str]:
        return {name.partition("{")[0] for name in metrics(daemon) if name.startswith("consumer_lag")}

    def rows(daemon: Daemon) -> list[tuple[int | None, float | None]]:
        partitions = daemon.status()["sources"][0]["partitions"]
        return [(row["lag_records"], row["lag_seconds"]) for row in partitions]

    topics = topics_on(broker.bootstrap)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        daemon = pool.start()
        pool.until_working(daemon)
        send_all(topics.bootstrap, topics.audio, noise(0, 5))
        topics.until_caught_up()
        wait_for(lambda: lag_of(daemon) == 0, "no lag")
        assert len(shown(daemon)) == 2
        broker.kill()
        wait_for(lambda: not shown(daemon), "a lag that is not known")
        assert rows(daemon) == [(None, None)] * PARTITIONS
        assert metrics(daemon)["stalled_streams"] == 1  # this is what tells of it
        broker.start()
        wait_for(lambda: lag_of(daemon) == 0, "a lag that is known again")
        assert rows(daemon) == [(0, 0.0)] * PARTITIONS
        pool.stop(daemon)


@pytest.mark.parametrize("overload", ["wait", "skip"])
def test_more_audio_than_can_be_scored(topics: Topics, tmp_path: Path, overload: str) -> None:
    with workers(topics, tmp_path, Path("musicnn-msd"), "at-least-once") as pool:
        daemon = pool.start(f'overload = "{overload}"\nmax_lag_s = 20\nfetch_max_mb = 4')
        pool.until_working(daemon)
        send_all(topics.bootstrap, topics.audio, noise(0, 10))  # warms the network up
        topics.until_caught_up()
        before_mb = rss_mb(daemon)
        peak_lag, peak_mb = 0.0, before_mb
        daemon.process.send_signal(signal.SIGSTOP)  # so that it finds them all at once, however slow the sending
        send_all(topics.bootstrap, topics.audio, noise(10, BACKLOG_S))
        daemon.process.send_signal(signal.SIGCONT)

        def caught_up() -> bool:
            nonlocal peak_lag, peak_mb
            lag = lag_of(daemon)
            peak_lag, peak_mb = max(peak_lag, lag or 0.0), max(peak_mb, rss_mb(daemon))
            return peak_lag > 0 and lag == 0

        wait_for(caught_up, "the end of the lag", 60)
        send_all(topics.bootstrap, topics.audio, noise(BACKLOG_S, BACKLOG_S + 10))
        topics.until_caught_up()
        assert peak_lag > 20
        print(f"{overload}: {before_mb:.0f} MB, at most {peak_mb:.0f} MB, lag at most {peak_lag:.0f} records")  # noqa: T201
        assert peak_mb - before_mb < MAX_GROWTH_MB
        skipped = metrics(daemon)["skipped_records_total"]
        assert (skipped > 0) == (overload == "skip")
        assert pool.balanced()
        assert daemon.status()["ready"]
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    newest = {window["stream"]: window["window"] for window in found.windows}
    assert newest == {f"s{n}": (BACKLOG_S + 10) // 2 - 3 for n in range(STREAMS)}
    if overload == "wait":
        assert len(set(found.window_ids)) == STREAMS * ((BACKLOG_S + 10) // 2 - 2)


@pytest.mark.parametrize("gone", ["committed", "rebuild"])
def test_records_that_are_gone(topics: Topics, tiny_model: Path, tmp_path: Path, gone: str) -> None:
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        send_all(topics.bootstrap, topics.audio, noise(0, 20, streams=1))
        daemon = pool.start()
        topics.until_caught_up()
        pool.kill(daemon)
        send_all(topics.bootstrap, topics.audio, noise(20, 40, streams=1))
        stop = 25 if gone == "committed" else 19
        ranges = tmp_path / "delete.json"
        rows = [{"topic": topics.audio, "partition": 0, "offset": stop}]
        ranges.write_text(json.dumps({"version": 1, "partitions": rows}))
        kafka_tool(
            "org.apache.kafka.tools.DeleteRecordsCommand",
            *("--bootstrap-server", topics.bootstrap, "--offset-json-file", str(ranges)),
        )
        daemon = pool.start()
        topics.until_caught_up()
        assert metrics(daemon)['takeovers_total{past="cut"}'] == 1
        assert "raise the topic's retention" in daemon.log
        assert pool.balanced()
    found = outcome(topics.bootstrap, topics.windows, topics.tags)
    numbers = [window["window"] for window in found.windows]
    first_after = -(-stop // 2)
    assert numbers == [*range(8), *range(first_after, 18)]  # on the grid, nothing twice
    assert [window["start_s"] for window in found.windows] == [2.0 * n for n in numbers]
    heard_to_s = found.windows[7]["end_s"]
    gaps_s = {window["window"]: window["gap_s"] for window in found.windows if window["gap_s"]}
    assert gaps_s == {first_after: stop - heard_to_s}  # what was heard, but in no window, is gone too


def test_two_hundred_streams_change_hands(topics: Topics, tiny_model: Path, tmp_path: Path) -> None:
    broadcast = Broadcast(streams=TAKE_OVER_STREAMS, seconds=14)
    with workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        feeding = pool.feed(broadcast, speed=4)
        daemon = pool.start()
        wait_for(lambda: daemon.status()["windows"] > 2 * TAKE_OVER_STREAMS, "windows")
        pool.kill(daemon)
        there = len(outcome(topics.bootstrap, topics.windows, topics.tags).windows)
        heir = pool.start()
        feeding.join(60)
        topics.until_caught_up()
        found = metrics(heir)
        assert pool.balanced()
    out = outcome(topics.bootstrap, topics.windows, topics.tags)
    out.check(broadcast.truth(tiny_model))
    assert out.repeated == 0
    assert found["batch_size_sum"] == len(out.windows) - there
    assert found['takeover_seconds_bucket{le="5.0"}'] == found["takeover_seconds_count"] == PARTITIONS
    records = asyncio.run(read(topics.bootstrap, topics.windows, len(out.windows)))
    took_s = first_result_s(heir, records)
    print(f"first result {took_s:.2f} s, taken over in {found['takeover_seconds_sum'] / PARTITIONS:.2f} s")  # noqa: T201
    assert took_s < 5


def first_result_s(heir: Daemon, records: list[Record]) -> float:
    """Seconds from the assignment to the heir's first window."""
    lines = [json.loads(line) for line in heir.log.splitlines() if line.startswith("{")]
    assigned = next(line["time"] for line in lines if "are this worker's" in line["message"])
    assigned_s = datetime.fromisoformat(assigned).timestamp()
    return min(record.timestamp / 1000 for record in records if record.timestamp / 1000 > assigned_s) - assigned_s

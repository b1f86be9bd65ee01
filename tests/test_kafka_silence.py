"""A producer without a broker is not silent: an outage longer than `idle_s` ends no stream."""

from __future__ import annotations

import time
from pathlib import Path

from tests.kafka_broker import Broker
from tests.kafka_oracle import outcome
from tests.kafka_sending import send_all
from tests.kafka_workers import SESSION_S, topics_on, workers
from tests.process import wait_for
from tests.test_kafka_streams import TYPE, seconds_of

DELIVERY = "at-least-once"
IDLE_S, OUTAGE_S, STREAMS = 4.0, 7.0, 4


def test_streams_outlast_an_outage(broker: Broker, tiny_model: Path, tmp_path: Path) -> None:
    def send(first_s: int, stop_s: int) -> None:
        typed, epoch = f"content-type={TYPE}", "epoch=e"
        sent = [
            record for n in range(STREAMS) for record in seconds_of(n, first_s, stop_s, typed, epoch, position=True)
        ]
        send_all(topics.bootstrap, topics.audio, sent)

    topics = topics_on(broker.bootstrap, 2)
    settings = topics.settings(tmp_path, tiny_model, DELIVERY, "worker", f"idle_s = {IDLE_S}")
    # no rebalance comes between: a new owner would begin to count anew
    settings.write_text(settings.read_text().replace(f"session_timeout_s = {SESSION_S}", "session_timeout_s = 30"))
    with workers(topics, tmp_path, tiny_model, DELIVERY) as pool:
        daemon = pool.start_with(settings)
        pool.until_working(daemon)
        send(0, 9)
        wait_for(lambda: daemon.status()["windows"] == STREAMS * 3, "the windows before the outage")
        broker.kill()
        since_s = time.monotonic()
        wait_for(lambda: time.monotonic() - since_s > OUTAGE_S, "the end of the outage")
        broker.start()
        wait_for(lambda: daemon.status()["sources"][0]["partitions"][0]["end"], "a look at the log")
        wait_for(lambda: daemon.status()["ready"], "a worker that is ready")
        assert daemon.status()["streams"] == STREAMS
        send(9, 15)
        wait_for(lambda: not daemon.status()["streams"], "the end of streams that are silent in truth")
        topics.until_caught_up()
        assert daemon.status()["seconds"]["gap"] == 0
        pool.stop(daemon)
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    assert set(found.window_ids) == {f"s{n}/e/{window}" for n in range(STREAMS) for window in range(6)}
    assert {id_ for id_ in found.tag_ids if id_.endswith("final")} == {f"s{n}/e/5/final" for n in range(STREAMS)}

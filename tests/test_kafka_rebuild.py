"""A take-over while the engine is full: a partition waits in hand, its past not read yet, and others look at it."""

from __future__ import annotations

from pathlib import Path

from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import outcome
from tests.kafka_sending import send_all
from tests.kafka_workers import make_topics, workers
from tests.observed import write_slow_model
from tests.process import wait_for
from tests.test_kafka_streams import PARTITIONS, TYPE, seconds_of

BEFORE_S, ALL_S = 7, 21


def test_a_past_in_hand_is_not_yet_read(kafka: str, make_topic: MakeTopic, tmp_path: Path) -> None:
    def send(first_s: int, stop_s: int) -> None:
        typed, epoch = f"content-type={TYPE}", "epoch=e"
        streams = range(PARTITIONS)
        send_all(
            kafka,
            topics.audio,
            [record for n in streams for record in seconds_of(n, first_s, stop_s, typed, epoch, position=True)],
        )

    topics = make_topics(kafka, make_topic, PARTITIONS)
    slow = write_slow_model(tmp_path / "slow.onnx")
    settings = topics.settings(tmp_path, slow, "at-least-once", "worker", "idle_s = 3600")
    settings.write_text(f"engine.queue_windows = 1\n{settings.read_text()}")
    with workers(topics, tmp_path, slow, "at-least-once") as pool:
        first = pool.start_with(settings)
        send(0, BEFORE_S)
        topics.until_caught_up()
        pool.kill(first)
        send(BEFORE_S, ALL_S)
        heir = pool.start_with(settings)
        due = PARTITIONS * (ALL_S - BEFORE_S) // 2
        wait_for(lambda: heir.process.poll() is not None or heir.status()["windows"] >= due, "the windows of the heir")
        pool.assert_alive()
        topics.until_caught_up()
        assert pool.balanced()
        assert heir.status()["seconds"]["dropped"]["replayed"] > 0
    found = outcome(kafka, topics.windows, topics.tags)
    windows = (ALL_S - 4) // 2 + 1
    assert set(found.window_ids) == {f"s{n}/e/{window}" for n in range(PARTITIONS) for window in range(windows)}

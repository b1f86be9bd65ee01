"""Workers with several models: what each says alone, also across a kill, and across a change of the models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import Broadcast, outcome
from tests.kafka_workers import Topics, Workers, make_topics, workers
from tests.process import Daemon, wait_for

BROADCAST = Broadcast(streams=4, seconds=40)
BEFORE_THE_KILL = 12  # windows


def start(pool: Workers, topics: Topics, folder: Path, models: Sequence[Path], delivery: str) -> Daemon:
    """A worker with these models."""
    settings = topics.settings(folder, models[0], delivery, f"worker-{len(pool.all)}")
    names = ", ".join(f'"{model}"' for model in models)
    settings.write_text(f"models = [{names}]\n{settings.read_text()}")
    return pool.start_with(settings)


def one_then_another(
    topics: Topics, folder: Path, first: Sequence[Path], second: Sequence[Path], delivery: str
) -> None:
    """A worker is killed in the middle of the broadcast; another one takes over."""
    with workers(topics, folder, first[0], delivery) as pool:
        feeding = pool.feed(BROADCAST, speed=8)
        killed = start(pool, topics, folder, first, delivery)
        wait_for(lambda: killed.status()["windows"] >= BEFORE_THE_KILL, "windows")
        pool.kill(killed)
        heir = start(pool, topics, folder, second, delivery)
        feeding.hurry()
        feeding.join(60)
        topics.until_caught_up()
        assert pool.balanced()
        pool.stop(heir)


def said_by(model: str, documents: Sequence[dict[str, Any]], ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What one model says, by the result's id."""
    return {
        id_: said
        for id_, document in zip(ids, documents, strict=True)
        for said in (document, *document.get("others", ()))
        if said["model"]["name"] == model
    }


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_an_heir_goes_on_with_every_model(
    kafka: str, make_topic: MakeTopic, tiny_model: Path, other_model: Path, tmp_path: Path, delivery: str
) -> None:
    topics, both = make_topics(kafka, make_topic), [tiny_model, other_model]
    one_then_another(topics, tmp_path, both, both, delivery)
    once = delivery == "exactly-once"
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=once)
    found.check(BROADCAST.truth(both), once)
    for number, model in enumerate(both):
        alone = BROADCAST.truth(model)
        name = ("tiny", "other")[number]
        for id_, said in said_by(name, found.windows, found.window_ids).items():
            assert said["scores"] == pytest.approx(alone.windows[id_]["scores"], abs=1e-4)


def test_an_heir_with_another_model_beside_goes_on_with_the_one_that_stays(
    kafka: str, make_topic: MakeTopic, tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    topics = make_topics(kafka, make_topic)
    one_then_another(topics, tmp_path, [tiny_model], [other_model, tiny_model], "exactly-once")
    found = outcome(topics.bootstrap, topics.windows, topics.tags, committed_only=True)
    truth = BROADCAST.truth(tiny_model)
    assert sorted(found.window_ids) == sorted(truth.windows)  # each once
    stays = said_by("tiny", found.tags, found.tag_ids)
    assert stays.keys() == truth.tags.keys()
    for id_, said in stays.items():
        wanted = truth.tags[id_]
        assert (said["top"], said["changed"]) == (wanted["top"], wanted["changed"])
        assert [tag["score"] for tag in said["tags"]] == pytest.approx(
            [tag["score"] for tag in wanted["tags"]], abs=1e-4
        )
    begun = [tags for tags in found.tags if tags["model"]["name"] == "other" and not tags["final"]]
    windows = said_by("other", found.windows, found.window_ids)
    assert 0 < len(windows) < len(found.windows)
    for stream in {tags["stream"] for tags in begun}:
        first = min(window["start_s"] for window in windows.values() if window["stream"] == stream)
        assert min(tags["from_s"] for tags in begun if tags["stream"] == stream) == first

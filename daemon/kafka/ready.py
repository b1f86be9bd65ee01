"""Whether the topics that a start needs are there."""

from __future__ import annotations

from daemon.errors import SettingsError
from daemon.kafka.cluster import Cluster
from daemon.kafka_settings import KafkaSettings


async def check_topics(kafka: KafkaSettings, audio_topic: str | None) -> None:
    """SettingsError when a topic is missing or cannot carry the state; KafkaUnavailable when nobody answers."""
    results = [kafka.windows_topic, kafka.tags_topic]
    names = results if audio_topic is None else [audio_topic, *results, kafka.dead_letter_topic]
    async with Cluster(kafka) as cluster:
        found = await cluster.topics(names)
    missing = [name for name in names if name not in found]
    if missing:
        raise SettingsError(f"kafka: no topic {', '.join(missing)}; make them with 'genred topics create'")
    if audio_topic is None:
        return
    audio, windows = found[audio_topic].partitions, found[kafka.windows_topic].partitions
    if audio != windows:
        raise SettingsError(
            f"kafka: {audio_topic} has {audio} partitions and {kafka.windows_topic} {windows}: they must have as many "
            "(a partition's scores are its new owner's state)"
        )

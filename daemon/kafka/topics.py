"""What the topics must be, and whether they are: plans for new ones, findings about those that are there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.errors import SettingsError
from daemon.kafka.cluster import NewTopic, TopicFacts
from daemon.kafka_settings import KafkaSourceSettings
from daemon.settings import Settings

HOUR_S, DAY_S = 3600, 86_400
REBUILD_S = 600  # the audio that a new owner reads again lies this far back at most, with the time to notice and start
WINDOWS_RETENTION_S, DEAD_LETTER_RETENTION_S = 7 * DAY_S, 14 * DAY_S
LEAST_CHUNK_BYTES = 1_000_000  # Kafka's default, rounded; half a second of 8 channels at 48 kHz is 768 kB as float
LEAST_RESULT_BYTES = 65_536
KAFKAS_MAX_BYTES = 1_048_588
ROOM_FOR_HEADERS = 65_536  # what a dead letter says beyond the record that it repeats
USUAL_REPLICAS = 3


class Level(StrEnum):
    """How bad a finding is; only `FAIL` decides the exit code."""

    OK = "ok"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is right or wrong with a topic."""

    level: Level
    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The topics of a set-up; `input` is None where no audio comes from Kafka, and then there are no dead letters."""

    input: str | None
    windows: str
    tags: str
    dead_letter: str

    @property
    def all(self) -> list[str]:
        """Every name, the input first."""
        results = [self.windows, self.tags]
        return results if self.input is None else [self.input, *results, self.dead_letter]


def kafka_source(settings: Settings) -> KafkaSourceSettings | None:
    """The source of kind kafka, of which there is at most one."""
    return next((source for source in settings.sources if isinstance(source, KafkaSourceSettings)), None)


def topic_names(settings: Settings, topic: str | None = None) -> TopicNames:
    """The topics that the settings name; `topic` is the input's, for settings without a source. SettingsError."""
    source, kafka = kafka_source(settings), settings.kafka
    if topic is not None and source is not None and source.topic != topic:
        raise SettingsError(f"--topic {topic}: the settings' source reads {source.topic}; leave --topic out")
    names = TopicNames(
        source.topic if source is not None else topic, kafka.windows_topic, kafka.tags_topic, kafka.dead_letter_topic
    )
    if len(set(names.all)) < len(names.all):
        raise SettingsError(f"kafka: two of the topics have the same name: {', '.join(names.all)}")
    return names


def plan(
    names: TopicNames, there: Mapping[str, TopicFacts], partitions: int, replicas: int, retention_s: float
) -> list[NewTopic]:
    """The topics that are missing. `retention_s` is the input's; an input that is there decides on the partitions."""
    audio = there.get(names.input or "")
    count = audio.partitions if audio is not None else partitions
    largest = _number(audio.config.get("max.message.bytes", KAFKAS_MAX_BYTES)) if audio else KAFKAS_MAX_BYTES
    wanted = {
        names.windows: {"cleanup.policy": "delete", "retention.ms": _ms(WINDOWS_RETENTION_S)},
        # Without a limit on its lag the cleaner leaves the newest segment, a week of old values, alone.
        names.tags: {"cleanup.policy": "compact", "max.compaction.lag.ms": _ms(HOUR_S)},
        names.dead_letter: {
            "cleanup.policy": "delete",
            "retention.ms": _ms(DEAD_LETTER_RETENTION_S),
            "max.message.bytes": str(largest + ROOM_FOR_HEADERS),
        },
    }
    if names.input is not None:
        wanted[names.input] = {"cleanup.policy": "delete", "retention.ms": _ms(retention_s)}
    return [NewTopic(name, count, replicas, wanted[name]) for name in names.all if name not in there]


def examine(names: TopicNames, there: Mapping[str, TopicFacts], horizon_s: float) -> list[Finding]:
    """What is right and wrong with the topics; `horizon_s` is tags.horizon_s, in seconds."""
    findings: list[Finding] = []
    for name in names.all:
        facts = there.get(name)
        if facts is None:
            text = "is not there, or may not be seen: genred topics create, or allow Describe"
            findings.append(Finding(Level.FAIL, name, text))
            continue
        wrong = [*_anywhere(facts), *_of_its_kind(names, there, facts, horizon_s)] if facts.config else [*_blind(facts)]
        wrong += _partitions(names, there, facts)
        findings += wrong or [Finding(Level.OK, name, facts.described)]
    return findings


def failures(findings: Sequence[Finding]) -> list[str]:
    """What must be put right."""
    return [f"{finding.topic}: {finding.text}" for finding in findings if finding.level is Level.FAIL]


def _blind(facts: TopicFacts) -> Iterator[Finding]:
    text = f"{facts.described}; its settings may not be seen: allow DescribeConfigs to check them"
    yield Finding(Level.WARN, facts.name, text)


def _partitions(names: TopicNames, there: Mapping[str, TopicFacts], facts: TopicFacts) -> Iterator[Finding]:
    audio = there.get(names.input or "")
    if facts.name == names.windows and audio is not None and audio.partitions != facts.partitions:
        text = (
            f"has {facts.partitions} partitions, {audio.name} has {audio.partitions}: they must be equal "
            "(kafka-topics.sh --alter --partitions adds some)"
        )
        yield Finding(Level.FAIL, facts.name, text)


def _anywhere(facts: TopicFacts) -> Iterator[Finding]:
    """What every topic needs."""
    if facts.leaderless:
        yield Finding(
            Level.FAIL, facts.name, f"{facts.leaderless} of its partitions have no leader: start their brokers"
        )
    in_sync = _number(facts.config.get("min.insync.replicas", 1))
    if facts.replicas < in_sync:
        text = f"min.insync.replicas={in_sync} of {facts.replicas} replicas: nothing can be written; lower it"
        yield Finding(Level.FAIL, facts.name, text)


def _of_its_kind(
    names: TopicNames, there: Mapping[str, TopicFacts], facts: TopicFacts, horizon_s: float
) -> Iterator[Finding]:
    compacted = "compact" in facts.config.get("cleanup.policy", "")
    largest = _number(facts.config.get("max.message.bytes", KAFKAS_MAX_BYTES))
    if facts.name == names.tags:
        if not compacted:
            yield Finding(Level.FAIL, facts.name, "is not compacted: set cleanup.policy=compact")
    elif compacted:
        yield Finding(
            Level.FAIL, facts.name, "is compacted, which deletes all but a stream's last: set cleanup.policy=delete"
        )
    if facts.name == names.input:
        yield from _input(facts, largest)
    elif largest < LEAST_RESULT_BYTES:
        text = f"max.message.bytes={largest} is too small for results: set {LEAST_RESULT_BYTES} or more"
        yield Finding(Level.FAIL, facts.name, text)
    if facts.name == names.windows and (retention_s := _retention_s(facts)) < horizon_s:
        text = f"keeps {retention_s:g} s, less than tags.horizon_s={horizon_s:g}: raise its retention.ms"
        yield Finding(Level.FAIL, facts.name, text)
    audio = there.get(names.input or "")
    if facts.name == names.dead_letter and audio is not None and audio.config:
        taken = _number(audio.config.get("max.message.bytes", KAFKAS_MAX_BYTES))
        if largest < taken:
            text = (
                f"max.message.bytes={largest} is less than the {taken} of {audio.name}: large bad records will not fit"
            )
            yield Finding(Level.WARN, facts.name, text)


def _input(facts: TopicFacts, largest: int) -> Iterator[Finding]:
    retention_s = _retention_s(facts)
    if retention_s < REBUILD_S:
        text = (
            f"keeps {retention_s:g} s; a new owner needs {REBUILD_S} s to rebuild its streams: raise its retention.ms"
        )
        yield Finding(Level.FAIL, facts.name, text)
    if largest < LEAST_CHUNK_BYTES:
        text = f"max.message.bytes={largest}: the broker refuses larger chunks; send short ones, or raise it"
        yield Finding(Level.WARN, facts.name, text)
    if facts.config.get("message.timestamp.type") == "LogAppendTime":
        text = "message.timestamp.type=LogAppendTime: results tell when audio arrived, not when it was captured"
        yield Finding(Level.WARN, facts.name, text)


def _retention_s(facts: TopicFacts) -> float:
    """Seconds that records stay; infinity for ever."""
    ms = _number(facts.config.get("retention.ms", -1))
    return float("inf") if ms < 0 else ms / 1000


def _number(text: str | int) -> int:
    return int(text) if isinstance(text, int) or text.lstrip("-").isdecimal() else 0


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))

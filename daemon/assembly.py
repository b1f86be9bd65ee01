"""From settings to parts: the rules for streams, the engine, sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.aggregate import Aggregator, StreamAggregator, TagPolicy, TrackAggregator
from daemon.engine import Crew, Engine
from daemon.errors import SettingsError
from daemon.grid import Grid, make_grid
from daemon.kafka.content_type import parse_content_type
from daemon.kafka_settings import KafkaSettings, KafkaSinkSettings, KafkaSourceSettings
from daemon.messages import AudioChunk
from daemon.metrics import Metrics
from daemon.roster import Voice
from daemon.settings import Settings, TagSettings
from daemon.sinks.console import ConsoleSink
from daemon.sinks.jsonl import JsonlSink
from daemon.sinks.sink import Sink
from daemon.source_settings import (
    ConsoleSettings,
    DeviceSettings,
    FileSettings,
    JsonlSettings,
    SinkSettings,
    SourceSettings,
    StdinSettings,
    UrlSettings,
)
from daemon.sources.source import Feeder, Source
from daemon.tagging import StreamRules
from models.card import Card

OnDrop = Callable[[AudioChunk], None]


def make_engine(crew: Crew, settings: Settings, metrics: Metrics) -> Engine:
    """The engine that `crew` works in."""
    under_way = crew.limits.max_windows * crew.scorers[0].depth  # fewer would leave batches unfilled
    return Engine(crew, max(settings.engine.queue_windows, under_way), metrics)


def make_rules(card: Card, settings: Settings, whole_tracks: bool = False) -> StreamRules:
    """How streams become windows and results for a model; SettingsError when its windows cannot be cut.

    `whole_tracks`: one set of tags for a whole run, at its end, instead of a sliding horizon.
    """
    window_s = settings.windows.window_s or card.window_s
    hop_s = settings.windows.hop_s or card.hop_s
    policy = _policy(settings.tags)

    def grid_for(sample_rate_hz: int) -> Grid:
        return make_grid(sample_rate_hz, card.front_end, window_s, hop_s, settings.windows.max_fill_s)

    def aggregator_for(stream: str, epoch: str, voice: Voice) -> Aggregator:
        kind = TrackAggregator if whole_tracks else StreamAggregator
        return kind(stream, epoch, voice.labels, policy)

    grid_for(card.front_end.sample_rate_hz)  # say now what could never work
    return StreamRules(grid_for, aggregator_for)


def make_sources(settings: Settings, on_drop: OnDrop) -> list[Source | Feeder]:
    """Every source of the settings; a folder becomes one source a file. SettingsError names what is missing."""
    sources: list[Source | Feeder] = []
    for place, source in enumerate(settings.sources):
        sources += _sources(source, f"sources.{place}", on_drop, settings)
    return sources


def required_streams(settings: Settings) -> frozenset[str]:
    """The streams that the daemon must not start without."""
    live = (source for source in settings.sources if isinstance(source, DeviceSettings | UrlSettings))
    return frozenset(source.stream for source in live if source.required)


def make_sinks(settings: Settings, metrics: Metrics) -> list[Sink]:
    """Every sink of the settings; JSON lines on standard output when there is none and somebody needs one."""
    if not settings.sinks and all(isinstance(source, KafkaSourceSettings) for source in settings.sources):
        return []  # the results of a Kafka source go back to Kafka
    return [_sink(sink, settings.kafka, metrics) for sink in settings.sinks] or [JsonlSink(None)]


def _policy(tags: TagSettings) -> TagPolicy:
    return TagPolicy(
        horizon_s=tags.horizon_s,
        half_life_s=tags.half_life_s,
        min_score=tags.min_score,
        release=tags.release,
        switch_margin=tags.switch_margin,
        max_tags=tags.max_tags,
    )


def _sink(settings: SinkSettings, kafka: KafkaSettings, metrics: Metrics) -> Sink:
    match settings:
        case ConsoleSettings():
            return ConsoleSink()
        case JsonlSettings():
            return JsonlSink(settings.path)
        case KafkaSinkSettings():
            from daemon.sinks.kafka import KafkaSink

            return KafkaSink(kafka, metrics)


def _sources(settings: SourceSettings, key: str, on_drop: OnDrop, whole: Settings) -> Sequence[Source | Feeder]:
    # Each kind brings its own library (PyAV, PyAudio): load only what is used.
    match settings:
        case FileSettings():
            return _file_sources(settings, key, on_drop)
        case UrlSettings():
            from daemon.sources.url import UrlSource

            return [
                UrlSource(
                    settings.url.get_secret_value(),
                    settings.stream,
                    on_drop,
                    required=settings.required,
                    connect_timeout_s=settings.connect_timeout_s,
                    stall_timeout_s=settings.stall_timeout_s,
                )
            ]
        case DeviceSettings():
            from daemon.sources.device import DeviceSource

            return [
                DeviceSource(
                    settings.device,
                    settings.stream,
                    on_drop,
                    sample_rate_hz=settings.sample_rate_hz,
                    channels=settings.channels,
                    buffer_s=settings.buffer_s,
                    required=settings.required,
                )
            ]
        case StdinSettings():
            from daemon.sources.stdin import StdinSource

            return [StdinSource(settings.stream, settings.format)]
        case KafkaSourceSettings():
            from daemon.kafka.input_record import InputRules
            from daemon.kafka.source import KafkaSource

            default = (
                None if settings.default_content_type is None else parse_content_type(settings.default_content_type)
            )
            rules = InputRules(default, settings.max_chunk_s)
            return [KafkaSource(whole.kafka, settings, rules, whole.tags.horizon_s, whole.drain_timeout_s)]


def _file_sources(settings: FileSettings, key: str, on_drop: OnDrop) -> Sequence[Source]:
    from daemon.sources.files import FileSource, audio_files_below

    path = settings.path
    if not path.is_dir():
        if not path.exists():
            raise SettingsError(f"{key}.path: {path}: no such file")
        name = settings.stream or path.name
        return [FileSource(path, name, on_drop, realtime=settings.realtime, loop=settings.loop)]
    files = audio_files_below(path)
    if not files:
        raise SettingsError(f"{key}.path: {path}: no audio files below this folder")
    prefix = f"{settings.stream}/" if settings.stream else ""
    return [
        FileSource(file, prefix + _name_below(path, file), on_drop, realtime=settings.realtime, loop=settings.loop)
        for file in files
    ]


def _name_below(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()

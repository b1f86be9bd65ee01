"""The commands beside the daemon that speak to Kafka: topics, feed, watch; no logic."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli_options import ConfigOption, PcmOption, RealtimeOption, read_settings, start_logging

if TYPE_CHECKING:
    from daemon.settings import Settings

topics_app = typer.Typer(help="Kafka topics: create, check.", no_args_is_help=True, rich_markup_mode=None)

BootstrapOption = Annotated[str | None, typer.Option(help="Kafka brokers, host:port[,...]; over the settings.")]
TopicOption = Annotated[str | None, typer.Option(help="Input topic, where the settings have no source of kind kafka.")]


class Encoding(StrEnum):
    """How `genred feed` packs a chunk."""

    RAW = "raw"
    FLAC = "flac"
    WAV = "wav"


@topics_app.command("create")
def topics_create(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    topic: TopicOption = None,
    partitions: Annotated[int, typer.Option(min=1, max=10_000, help="Of each new topic: the most workers.")] = 12,
    replication_factor: Annotated[
        int | None, typer.Option(min=1, max=100, help="Default: 3, or as many as there are brokers.")
    ] = None,
    retention_hours: Annotated[float, typer.Option(min=0.2, max=1e6, help="How long the input's audio stays.")] = 24.0,
) -> None:
    """Create the topics that are missing: input, windows, tags (compacted), dead letters."""
    from daemon.kafka.topics_command import run_create

    run_create(_settings(config, bootstrap), topic, partitions, replication_factor, retention_hours)


@topics_app.command("check")
def topics_check(config: ConfigOption = None, bootstrap: BootstrapOption = None, topic: TopicOption = None) -> None:
    """Say what is wrong with the topics, and print the ACLs that genred needs."""
    from daemon.kafka.topics_command import run_check

    run_check(_settings(config, bootstrap), topic)


def feed(
    inputs: Annotated[list[str], typer.Argument(metavar="PATH|URL|-|device:NAME...", help="What to send.")],
    topic: Annotated[str | None, typer.Option(help="Default: that of the settings' source, or audio.chunks.")] = None,
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    chunk_ms: Annotated[int, typer.Option(min=10, max=60_000, help="Audio in a record, milliseconds.")] = 500,
    realtime: RealtimeOption = False,
    loop: Annotated[
        bool, typer.Option("--loop", help="Play files again and again, each as one endless stream.")
    ] = False,
    streams: Annotated[int, typer.Option(min=1, max=100_000, help="Send each input as so many streams.")] = 1,
    encode: Annotated[Encoding, typer.Option(help="raw PCM, or a file in each record.")] = Encoding.RAW,
    pcm: PcmOption = None,
    epoch: Annotated[str | None, typer.Option(help="Name of the streams' run. Default: the present time.")] = None,
) -> None:
    """Send audio to a Kafka topic, in chunks, as fast as possible or at the speed of sound."""
    from daemon.kafka.feed_command import FeedOptions, run_feed

    options = FeedOptions(tuple(inputs), topic, chunk_ms, realtime, loop, streams, encode.value, pcm, epoch)
    run_feed(options, _settings(config, bootstrap))


def watch(
    config: ConfigOption = None,
    bootstrap: BootstrapOption = None,
    stream: Annotated[str, typer.Option(metavar="GLOB", help="Streams to watch.")] = "*",
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of several models, show what this one says; default: the first.")
    ] = None,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Every value that is still there.")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="The JSON of every value, one a line.")] = False,
) -> None:
    """Show what is playing on every stream, as the tags topic says: now, and live."""
    from daemon.kafka.watch_command import WatchOptions, run_watch

    run_watch(WatchOptions(stream, model, from_beginning, jsonl), _settings(config, bootstrap))


def _settings(config: Path | None, bootstrap: str | None) -> Settings:
    flags: dict[str, Any] = {} if bootstrap is None else {"kafka": {"bootstrap_servers": bootstrap.split(",")}}
    start_logging("error", "text")
    return read_settings(config, flags)

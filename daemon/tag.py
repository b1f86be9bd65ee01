"""`genred tag`: the daemon's own pipeline over what the command line names, with results for people or programs."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules, make_sources
from daemon.crew import load_models, make_crew
from daemon.deadline import ending_on_time
from daemon.errors import GenredError, InputUnusable, SettingsError
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.roster import Roster
from daemon.service import Service
from daemon.settings import Settings
from daemon.sinks.csv import CsvSink
from daemon.sinks.jsonl import JsonlSink
from daemon.sinks.sink import Sink
from daemon.sinks.taggram import TaggramSink
from daemon.tag_inputs import is_live, with_inputs


@dataclass(frozen=True, slots=True)
class TagOptions:
    """What was asked for on the command line."""

    inputs: tuple[str, ...]
    output: str
    plot: Path | None
    realtime: bool
    pcm: str | None


def run_tag(options: TagOptions, settings: Settings) -> None:
    """Tag every input. Inputs that cannot be used are named one a line; the rest is tagged first."""
    asyncio.run(ending_on_time(_tag(options, with_inputs(settings, options.inputs, options.realtime, options.pcm))))


async def _tag(options: TagOptions, settings: Settings) -> None:
    metrics = Metrics(CollectorRegistry())
    ledger = Ledger(metrics)
    models = load_models(settings)
    live = is_live(options.inputs)
    rules = make_rules(models[0].card, settings, whole_tracks=not live)
    try:
        sources = make_sources(settings, ledger.overrun)
    except SettingsError as error:
        raise InputUnusable(str(error).partition(": ")[2]) from None
    crew = make_crew(models, settings, metrics)
    taggram = TaggramSink(options.plot, crew.roster) if options.plot else None
    sink = _sink(options.output, crew.roster, [source.status.name for source in sources], live)
    sinks: list[Sink] = [sink, taggram] if taggram else [sink]
    engine = make_engine(crew, settings, metrics)
    pipeline = Pipeline(engine, sinks, rules, ledger, metrics)
    service = Service(pipeline, engine, sources, sinks, settings.drain_timeout_s)
    try:
        await service.run()
    except GenredError:
        _name_failures(service.failures)
        raise
    if not pipeline.published_windows:
        print("genred: no window was long enough to tag", file=sys.stderr)  # noqa: T201


def _sink(output: str, roster: Roster, streams: list[str], live: bool) -> Sink:
    if output == "jsonl":
        return JsonlSink(None)
    if output == "csv":
        return CsvSink(sys.stdout, roster)
    from daemon.sinks.table import TableSink  # the terminal library only where it is used

    models = [voice.model.name for voice in roster.voices]
    return TableSink(streams, models, windows=live or len(streams) == 1)


def _name_failures(failures: list[GenredError]) -> None:
    """All but the first, which ends the process and is printed by the command line."""
    for error in failures[1:]:
        print(f"genred: {error}", file=sys.stderr)  # noqa: T201

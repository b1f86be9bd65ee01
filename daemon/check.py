"""`genred check`: everything that a start needs, tried, each with its verdict."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from pathlib import Path

import typer

from daemon.ask_health import running_version
from daemon.assembly import make_rules, make_sources
from daemon.crew import load_models
from daemon.errors import GenredError, PortTaken, SinkFailed
from daemon.kafka_settings import KafkaSinkSettings
from daemon.settings import Settings
from daemon.sinks.try_file import try_file
from daemon.source_settings import ConsoleSettings, DeviceSettings, JsonlSettings
from daemon.telemetry import make_tracer


def run_check(settings: Settings, connect: bool = False) -> None:
    """Try each part and print a line for it; raises the first failure, after all were tried.

    `connect`: the Kafka cluster too, which is not contacted otherwise.
    """
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("model", _check_model),
        ("sources", _check_sources),
        ("devices", _check_devices),
        ("sinks", _check_sinks),
        ("http", _check_port),
        ("tracing", _check_tracing),
    ]
    typer.echo("ok    settings")
    failures = [error for name, check in checks if (error := _try(name, check, settings)) is not None]
    failures += _connected(settings) if connect else []
    if failures:
        raise failures[0]


def _try(name: str, check: Callable[[Settings], str], settings: Settings) -> GenredError | None:
    try:
        typer.echo(f"ok    {name}: {check(settings)}")
    except GenredError as error:
        typer.echo(f"FAIL  {name}: {error}")
        return error
    return None


def _connected(settings: Settings) -> list[GenredError]:
    """The first failure with the cluster; what comes after it cannot be known."""
    from daemon.kafka.connect_check import connected_checks

    for name, check in connected_checks(settings):
        error = _try(name, check, settings)
        if error is not None:
            return [error]
    return []


def _check_model(settings: Settings) -> str:
    models = load_models(settings)
    make_rules(models[0].card, settings)
    return "; ".join(
        f"{model.id.name} {model.id.version}, {len(model.card.genres)} genres, {model.provider}, "
        f"golden check off by {model.golden_deviation:.1e}"
        for model in models
    )


def _check_sources(settings: Settings) -> str:
    sources = make_sources(settings, lambda _chunk: None)
    return f"{len(sources)} streams" if sources else "none yet; add [[sources]] to the settings"


def _check_sinks(settings: Settings) -> str:
    """The files among them; Kafka is asked by `--connect`."""
    failures, names = [], []
    for sink in settings.sinks:
        match sink:
            case JsonlSettings(path=Path() as path):
                names.append(str(path))
                try:
                    try_file(path)
                except SinkFailed as error:
                    failures.append(str(error))
            case JsonlSettings() | ConsoleSettings():
                names.append("standard output")
            case KafkaSinkSettings():
                names.append("Kafka")
    if failures:
        raise SinkFailed("; ".join(failures))
    return ", ".join(names) or "none asked for"


def _check_tracing(settings: Settings) -> str:
    tracer = make_tracer(settings.tracing)
    if tracer is None:
        return "none asked for"
    tracer.close()
    return f"{settings.tracing.sample_share:.0%} of the windows to {settings.tracing.endpoint}"


def _check_devices(settings: Settings) -> str:
    wanted = [source for source in settings.sources if isinstance(source, DeviceSettings)]
    if not wanted:
        return "none asked for"
    from daemon.sources.capture import try_device
    from daemon.sources.capture_wire import CaptureRequest

    requests = [CaptureRequest(source.device, source.sample_rate_hz, source.channels) for source in wanted]
    opened = [asyncio.run(try_device(request)) for request in requests]
    return ", ".join(f"{each.device} ({each.sample_rate_hz} Hz, {each.channels} channels)" for each in opened)


def _check_port(settings: Settings) -> str:
    http = settings.http
    if not http.enabled:
        return "disabled"
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            # Settings are mostly changed beside the daemon that is to be restarted with them.
            version = running_version(http) if error.errno == errno.EADDRINUSE else None
            if version is not None:
                return f"{http.host}:{http.port} is the running genred's ({version}): end that before another starts"
            raise PortTaken(f"http.port: {http.host}:{http.port} cannot be had: {error.strerror}") from None
    return f"{http.host}:{http.port} is free"

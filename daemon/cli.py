"""Commands, logging set-up, exit codes; no logic. Each command loads its parts when it runs: --help is quick."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.bench_cli import bench_app
from daemon.cli_options import (
    ConfigOption,
    DeviceOption,
    ModelOption,
    PcmOption,
    PrecisionOption,
    RealtimeOption,
    ThreadsOption,
    read_settings,
    start_logging,
)
from daemon.errors import EXIT_INTERNAL, EXIT_UNAVAILABLE, EXIT_USAGE, GenredError
from daemon.kafka_cli import feed, topics_app, watch

app = typer.Typer(
    name="genred",
    help="Listens to many audio streams at once and says, live, what genre is playing on each.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The networks: list, describe, prove.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(models_app, name="models")
app.add_typer(topics_app, name="topics")
app.add_typer(bench_app, name="bench")
app.command()(feed)
app.command()(watch)

PLUGIN_GROUP = "genred.commands"


class Output(StrEnum):
    """How `genred tag` writes its results."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


def main() -> None:
    """The `genred` program: every error on purpose becomes one line and its exit code."""
    try:
        code = app(prog_name="genred", standalone_mode=False)
        if isinstance(code, int):  # what `typer.Exit` carried
            sys.exit(code)
    except typer.Abort:
        sys.exit(130)
    except GenredError as error:
        from daemon.log_writer import write_line

        for line in str(error).splitlines():
            write_line(f"genred: {line}")  # to a full disk, it may be: the code says it too
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_usage(error))


def _usage(error: Exception) -> int:
    """Click's own errors carry an exit code and know how to show themselves; anything else is a defect."""
    show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if show is not None:
        show()
        return EXIT_USAGE
    if code is not None:
        return int(code)
    import traceback

    traceback.print_exc()
    typer.echo("genred: internal error (a defect: please report the lines above)", err=True)
    return EXIT_INTERNAL


@app.command()
def tag(
    inputs: Annotated[list[str], typer.Argument(metavar="PATH|URL|-|device:NAME...", help="What to listen to.")],
    output: Annotated[Output, typer.Option("--output", "-o", help="How to write results.")] = Output.TABLE,
    all_tags: Annotated[bool, typer.Option("--all-tags", help="Every label of the model, not only genres.")] = False,
    model: ModelOption = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the tags over time into this picture.")] = None,
    realtime: RealtimeOption = False,
    pcm: PcmOption = None,
    device: DeviceOption = None,
    threads: ThreadsOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what genre is playing in files, folders, radios, standard input or a sound device."""
    from daemon.tag import TagOptions, run_tag

    settings = read_settings(config, _flags(model, device, threads, all_tags))
    start_logging("error", "text")
    run_tag(TagOptions(tuple(inputs), output.value, plot, realtime, pcm), settings)


@app.command()
def run(config: ConfigOption = None, model: ModelOption = None, device: DeviceOption = None) -> None:
    """Run the daemon until its sources end, or SIGTERM or SIGINT asks it to drain and stop."""
    import asyncio
    from functools import partial

    from daemon.deadline import ending_on_time
    from daemon.service import serve

    read = partial(read_settings, config, _flags(model, device, None, False))
    settings = read()
    start_logging(settings.log.level, settings.log.format)
    asyncio.run(ending_on_time(serve(settings, read)))


@app.command()
def check(
    config: ConfigOption = None,
    model: ModelOption = None,
    device: DeviceOption = None,
    connect: Annotated[bool, typer.Option("--connect", help="Ask Kafka too: brokers, topics, rights.")] = False,
) -> None:
    """Check settings, model, device, sources and files of sinks: say what is wrong and where."""
    from daemon.check import run_check

    if connect:
        start_logging("error", "text")
    run_check(read_settings(config, _flags(model, device, None, False)), connect)


@app.command()
def health(
    config: ConfigOption = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ask for readiness instead of life.")] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.1, max=60, help="Seconds to wait.")] = 5.0,
) -> None:
    """Ask the daemon of these settings, on this machine, whether it is alive; exit code 69 when it is not."""
    from daemon.ask_health import ask_health

    ask_health(read_settings(config, {}).http, ready, timeout_s)


@app.command(name="config")
def show_config(
    config: ConfigOption = None,
    schema: Annotated[bool, typer.Option("--schema", help="The JSON Schema of all settings instead.")] = False,
) -> None:
    """Print the effective settings (file, environment), secrets masked."""
    from daemon.show_config import print_schema, print_settings

    if schema:
        print_schema()
    else:
        print_settings(read_settings(config, {}))


@app.command()
def devices() -> None:
    """List the sound devices that can be listened to."""
    from daemon.show_devices import print_devices

    print_devices()


@models_app.command("list")
def models_list() -> None:
    """List the shipped models."""
    from daemon.show_models import print_models

    print_models()


@models_app.command("info")
def models_info(model: Annotated[str, typer.Argument(help="Shipped model's name, or an ONNX file.")]) -> None:
    """Show a model's card."""
    from daemon.show_models import print_card

    print_card(model)


@models_app.command("verify")
def models_verify(
    models: Annotated[list[str] | None, typer.Argument(help="Models; default: every shipped one.")] = None,
    device: DeviceOption = None,
    precision: PrecisionOption = "fp32",
) -> None:
    """Prove that models are whole, give their golden output on this machine, and take any batch of windows."""
    from daemon.show_models import verify_models

    verify_models(models or [], device or "auto", precision)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def export(context: typer.Context) -> None:
    """Train, evaluate, convert and import networks (extra: genred[export])."""
    from importlib.metadata import entry_points

    found = entry_points(group=PLUGIN_GROUP, name="export")
    if not found:
        typer.echo("genred: 'export' is not installed; pip install 'genred[export]'", err=True)
        raise typer.Exit(EXIT_UNAVAILABLE)
    plugin = next(iter(found)).load()
    plugin(args=context.args, prog_name="genred export", standalone_mode=False)


@app.command()
def version() -> None:
    """Print the version."""
    from daemon.version import genred_version

    typer.echo(f"genred {genred_version()}")


def _flags(models: list[str] | None, device: str | None, threads: int | None, all_tags: bool) -> dict[str, Any]:
    """Flags as nested settings; what was not given is left out."""
    engine = {key: value for key, value in (("device", device), ("threads", threads)) if value is not None}
    flags: dict[str, Any] = {"engine": engine} if engine else {}
    if models:
        flags["model"] = models[0]
        flags["models"] = models if len(models) > 1 else []  # over those of the file
    if all_tags:
        flags["tags"] = {"all_labels": True}
    return flags

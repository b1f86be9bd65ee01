"""`genred bench …`: options of the benchmarks; no logic. Each command loads its parts when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.bench.peers_choice import PeerChoices, PeerName

JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")]

bench_app = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True, rich_markup_mode=None)


@bench_app.command("file")
def bench_file(
    minutes: Annotated[float, typer.Option(min=0.5, help="Length of the audio.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times each contender runs, in turn.")] = 3,
    plain_model: Annotated[
        Path | None, typer.Option(help="Unrearranged ONNX for the librosa peer ('genred export import-musicnn').")
    ] = None,
    json_path: JsonOption = None,
) -> None:
    """`genred tag` against a bare loop and a straightforward librosa pipeline, one core, side by side."""
    from daemon.bench.file import run_bench_file

    run_bench_file(minutes, rounds, plain_model, json_path)


@bench_app.command("peers")
def bench_peers(
    minutes: Annotated[float, typer.Option(min=0.2, help="Length of the audio.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times each contender runs, in turn.")] = 3,
    peer: Annotated[list[PeerName] | None, typer.Option(help="These peers only; default: all.")] = None,
    essentia_python: Annotated[Path | None, typer.Option(help="A Python that has essentia-tensorflow.")] = None,
    essentia_graph: Annotated[
        Path | None,
        typer.Option(help="Its msd-musicnn-1.pb; default: made by --musicnn-python."),
    ] = None,
    musicnn_python: Annotated[Path | None, typer.Option(help="A Python that has musicnn 0.1.0 and tensorflow.")] = None,
    plain_model: Annotated[Path | None, typer.Option(help="Unrearranged ONNX for librosa, as in bench file.")] = None,
    json_path: JsonOption = None,
) -> None:
    """`genred tag` against Essentia, musicnn, librosa with torch and with ONNX Runtime, one core, side by side."""
    from daemon.bench.peers import run_bench_peers

    choices = PeerChoices(tuple(peer or ()), essentia_python, essentia_graph, musicnn_python, plain_model)
    run_bench_peers(minutes, rounds, choices, json_path)


@bench_app.command("kafka")
def bench_kafka(
    bootstrap: Annotated[str, typer.Option(help="A broker, as host:port; topics are made on it.")],
    seconds: Annotated[float, typer.Option(min=6, help="Audio of each stream.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times engine and worker run, in turn.")] = 3,
    case: Annotated[list[int] | None, typer.Option(min=1, max=2, help="1: 0.1 s mono; 2: 0.5 s stereo.")] = None,
    json_path: JsonOption = None,
) -> None:
    """One worker between real topics, against the engine alone on the same windows, on one core."""
    from daemon.bench.kafka import run_bench_kafka

    run_bench_kafka(bootstrap, seconds, rounds, case or [], json_path)


@bench_app.command("scale")
def bench_scale(
    streams: Annotated[list[int] | None, typer.Option(min=1, help="How many; default: 1000, 100000, 10000000.")] = None,
    audio: Annotated[str, typer.Option("--format", help="How they arrive: see its first table.")] = "pcm-16k-mono",
    window_ms: Annotated[float | None, typer.Option(min=0.001, help="Of a window on one core, measured.")] = None,
    zstd: Annotated[bool, typer.Option("--zstd", help="Results are compressed.")] = False,
    json_path: JsonOption = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the sizes of groups into this picture.")] = None,
) -> None:
    """On paper: what many streams cost and need, and simulated weeks of failures. Measures nothing."""
    from daemon.bench.scale import run_bench_scale

    run_bench_scale(streams or [], audio, window_ms, zstd, json_path, plot)

"""`genred bench …`: options of the benchmarks; no logic. Each command loads its parts when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.bench.peers_choice import PeerChoices, PeerName
from daemon.cli_options import PrecisionOption

JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")]
ModelOption = Annotated[str, typer.Option(help="A shipped model's name or the path of an ONNX file.")]
WorkersOption = Annotated[
    list[int] | None, typer.Option(min=1, help="Each on a core of its own; default: 1, and one a core.")
]
ChunkOption = Annotated[float, typer.Option("--chunk-s", min=0.02, max=2, help="Seconds of a stream's chunk.")]
MostOption = Annotated[int, typer.Option(min=1, help="Try no more.")]

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


@bench_app.command("engine")
def bench_engine(
    model: ModelOption = "musicnn-msd",
    precision: PrecisionOption = "fp32",
    workers: WorkersOption = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of each case in each round.")] = 6.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times each case runs, in turn.")] = 3,
    streams: Annotated[int, typer.Option(min=0, help="Whose memory is measured; 0: none.")] = 500,
    json_path: JsonOption = None,
) -> None:
    """The engine on windows that are ready, beside the machine's limit; memory of many live streams."""
    from daemon.bench.benched import Benched
    from daemon.bench.engine import run_bench_engine

    run_bench_engine(Benched(model, precision), workers or [], seconds, rounds, streams, json_path)


@bench_app.command("latency")
def bench_latency(
    model: ModelOption = "musicnn-msd",
    precision: PrecisionOption = "fp32",
    workers: WorkersOption = None,
    load: Annotated[
        list[float] | None, typer.Option(min=0.01, max=2, help="Parts of the capacity; default: .25 .5 .75 .9.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each load in each round.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times each load runs, in turn.")] = 3,
    chunk_s: ChunkOption = 0.5,
    most_streams: MostOption = 10_000,
    json_path: JsonOption = None,
    plot: Annotated[Path | None, typer.Option(help="Draw latency over load into this picture.")] = None,
) -> None:
    """From the end of a window to its result: live streams in real time, at parts of the capacity."""
    from daemon.bench.benched import Benched
    from daemon.bench.latency import Timing, run_bench_latency

    benched, timing = Benched(model, precision), Timing(rounds, seconds, chunk_s)
    run_bench_latency(benched, workers or [], load or [], timing, most_streams, json_path, plot)


@bench_app.command("streams")
def bench_streams(
    model: ModelOption = "musicnn-msd",
    precision: PrecisionOption = "fp32",
    workers: WorkersOption = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="For which they must be held.")] = 60.0,
    probe_seconds: Annotated[float, typer.Option(min=0.5, help="Of each try before.")] = 12.0,
    chunk_s: ChunkOption = 0.5,
    most_streams: MostOption = 10_000,
    json_path: JsonOption = None,
) -> None:
    """The largest number of real-time streams with p99 under 500 ms and a queue that does not grow, by trying."""
    from daemon.bench.benched import Benched
    from daemon.bench.streams import run_bench_streams

    run_bench_streams(
        Benched(model, precision), workers or [], seconds, probe_seconds, chunk_s, most_streams, json_path
    )


@bench_app.command("frontends")
def bench_frontends(
    rounds: Annotated[int, typer.Option(min=1, help="Times each front end runs, in turn.")] = 20,
    json_path: JsonOption = None,
) -> None:
    """What a hop block of every named front end takes, beside log-mel of the same sizes, one core."""
    from daemon.bench.frontends import run_bench_frontends

    run_bench_frontends(rounds, json_path)


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

"""Windows a second from host audio on a GPU, where the time goes, and how far from the device's limits that is.

python -m daemon.bench.gpu [--help]
"""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from daemon.audio_format import AudioFormat
from daemon.bench.gpu_limits import KNOWN_COSTS, Limits, WindowCost, measure_limits
from daemon.bench.gpu_load import block_bytes, load_format, steady_batches
from daemon.bench.machine import describe
from daemon.cpu_scorer import CpuScorer
from daemon.cuts import Window
from daemon.errors import EXIT_USAGE, GenredError
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device import open_device
from daemon.gpu.gpu_scorer import GpuScorer
from daemon.gpu.lanes import Lanes
from daemon.gpu.network_options import Backend, NetworkOptions, Precision
from daemon.inference import OnnxModel
from models.catalogue import ModelNotFound, resolve_model

WARM_UP = 4  # batches; the first ones allocate, and capture graphs
HOP_S = 2.0

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass
class Figures:
    """One case, measured. stage_s: device seconds of each stage; host_s: seconds that `begin` took, all told."""

    batch: int
    precision: str
    audio: str
    windows_per_s: float
    stage_s: dict[str, float]
    host_s: float
    wall_s: float
    deviation: float
    bus_bytes: int  # up, a window
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def roofline(self) -> float:
        """Windows a second that the tightest limit allows."""
        return min(self.limits.values())


class Stages:
    """Sums what a scorer tells of its stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def __call__(self, stage: str, seconds: float) -> None:
        """A batch spent `seconds` in `stage`."""
        self.seconds[stage] += seconds


def measure(
    model: Path, lanes: Lanes, options: NetworkOptions, audio_format: AudioFormat, batch: int, batches: int
) -> Figures:
    """Score `batches` batches as the engine does, two under way."""
    stages = Stages()
    network = BoundNetwork(model, lanes, options)
    scorer = GpuScorer([network], lanes, -200.0, lambda samples: None, stages)
    load = steady_batches(network.card, audio_format, batch, WARM_UP + batches)
    run(scorer, load[:WARM_UP])
    stages.seconds.clear()
    started = time.perf_counter()
    host_s = run(scorer, load[WARM_UP:])
    wall_s = time.perf_counter() - started
    return Figures(
        batch=batch,
        precision=str(options.precision),
        audio=f"{audio_format.sample_rate_hz} Hz x{audio_format.channels}",
        windows_per_s=batch * batches / wall_s,
        stage_s=dict(stages.seconds),
        host_s=host_s,
        wall_s=wall_s,
        deviation=deviation(model, scorer, audio_format),
        bus_bytes=block_bytes(audio_format, load[0][0].grid),
    )


def run(scorer: GpuScorer, load: Sequence[Sequence[Window]]) -> float:
    """Score everything, `scorer.depth` batches under way at a time; the seconds that `begin` took."""
    under_way = deque([scorer.begin(load[0])])
    host_s = 0.0
    for windows in load[1:]:
        started = time.perf_counter()
        under_way.append(scorer.begin(windows))
        host_s += time.perf_counter() - started
        if len(under_way) >= scorer.depth:
            under_way.popleft().scores()
    for batch in under_way:
        batch.scores()
    return host_s


def deviation(model: Path, scorer: GpuScorer, audio_format: AudioFormat) -> float:
    """Largest difference of a score from the CPU path's, over a few windows."""
    reference = OnnxModel(model, "cpu")
    cpu = CpuScorer([reference], -200.0, 1, lambda samples: None, lambda stage, seconds: None)
    ours, theirs = (steady_batches(reference.card, audio_format, 8, 1)[0] for _ in range(2))
    pairs = zip(scorer.begin(ours).scores(), cpu.begin(theirs).scores(), strict=True)
    return max(float(np.abs(mine - wanted).max()) for mine, wanted in pairs if mine is not None and wanted is not None)


def profile(model: Path, lanes: Lanes, options: NetworkOptions, audio_format: AudioFormat, trace: Path) -> None:
    """A trace of a few batches, for chrome://tracing or Perfetto."""
    network = BoundNetwork(model, lanes, options)
    scorer = GpuScorer([network], lanes, -200.0, lambda samples: None, Stages())
    load = steady_batches(network.card, audio_format, options.max_batch, 2 * WARM_UP)
    run(scorer, load[:WARM_UP])
    activities = [torch.profiler.ProfilerActivity.CPU]
    if lanes.on_gpu:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities, acc_events=True) as profiler:
        run(scorer, load[WARM_UP:])
    profiler.export_chrome_trace(str(trace))


def line(figures: Figures) -> str:
    """A case in a line of the table."""
    share = {stage: seconds / figures.wall_s for stage, seconds in figures.stage_s.items()}
    stages = "  ".join(f"{stage} {part:4.0%}" for stage, part in share.items())
    tightest = min(figures.limits, key=lambda name: figures.limits[name])
    return (
        f"{figures.audio:>12} {figures.precision:>5} {figures.batch:>6}  {figures.windows_per_s:>9.0f} windows/s "
        f"= {figures.windows_per_s * HOP_S:>9.0f} streams  |  {stages}  "
        f"host {figures.host_s / figures.wall_s:4.0%}  |  "
        f"{figures.windows_per_s / figures.roofline:4.0%} of the {tightest} limit, {figures.roofline:.0f}  |  "
        f"deviation {figures.deviation:.1e}"
    )


def run_bench_gpu(
    model: str,
    device: str,
    batches: Sequence[int],
    precisions: Sequence[Precision],
    windows: int,
    cuda_graphs: bool,
    tensorrt: Path | None,
    trace: Path | None,
    json_path: Path | None,
    cost: WindowCost | None = None,
) -> None:
    """Print a line a case. AcceleratorUnavailable where there is no GPU that can be used."""
    lanes = Lanes(open_device(device))
    path = resolve_model(model)
    cost = cost or KNOWN_COSTS.get(path.stem)
    name = torch.cuda.get_device_name(lanes.device) if lanes.on_gpu else "torch's CPU device"
    typer.echo(f"{name}; {describe()}; torch {torch.__version__}; {path.stem}")
    everything: list[dict[str, object]] = []
    for precision in precisions:
        limits = measure_limits(lanes, precision)
        typer.echo(_peaks(precision, limits))
        for audio_format in (load_format(16_000, 1), load_format(44_100, 2)):
            for batch in batches:
                options = _options(precision, batch, cuda_graphs, tensorrt)
                figures = measure(path, lanes, options, audio_format, batch, max(20, windows // batch))
                figures.limits = _allowed(limits, cost, figures.bus_bytes, precision)
                typer.echo(line(figures))
                everything.append(asdict(figures))
    if trace is not None:
        options = _options(precisions[0], batches[-1], cuda_graphs, tensorrt)
        profile(path, lanes, options, load_format(16_000, 1), trace)
        typer.echo(f"trace: {trace}")
    if json_path is not None:
        json_path.write_text(json.dumps({"device": name, "model": path.stem, "cases": everything}, indent=1) + "\n")


def _options(precision: Precision, batch: int, cuda_graphs: bool, tensorrt: Path | None) -> NetworkOptions:
    backend = Backend.CUDA if tensorrt is None else Backend.TENSORRT
    return NetworkOptions(precision, backend, cuda_graphs, max_batch=batch, engine_cache=tensorrt)


def _allowed(limits: Limits, cost: WindowCost | None, bus_bytes: int, precision: Precision) -> dict[str, float]:
    """What each peak allows; the bus alone where nobody knows what the network asks for."""
    if cost is None:
        return {"bus": limits.bus_bytes_per_s / bus_bytes}
    return limits.windows_per_s(cost, bus_bytes, precision)


def _peaks(precision: Precision, limits: Limits) -> str:
    return (
        f"{precision}: products {limits.flop_per_s / 1e12:.1f} TFLOP/s, up the bus {limits.bus_bytes_per_s / 1e9:.1f} "
        f"GB/s, device memory {limits.memory_bytes_per_s / 1e9:.0f} GB/s"
    )


@app.command()
def main(
    model: Annotated[str, typer.Option(help="A shipped model's name or an ONNX file.")] = "musicnn-msd",
    device: Annotated[str, typer.Option(help="cuda or cuda:N.")] = "cuda",
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Windows in a batch; may be repeated.")] = None,
    precision: Annotated[list[Precision] | None, typer.Option(help="May be repeated.")] = None,
    windows: Annotated[int, typer.Option(min=1, help="Windows a case.")] = 40_000,
    cuda_graphs: Annotated[bool, typer.Option(help="Launch each batch's network as one CUDA graph.")] = False,
    tensorrt: Annotated[Path | None, typer.Option(help="Use TensorRT; keeps its engines in this folder.")] = None,
    gflop: Annotated[float | None, typer.Option(help="Of another model: GFLOP a window.")] = None,
    megabytes: Annotated[float | None, typer.Option(help="Of another model: MB a window's operators move.")] = None,
    trace: Annotated[Path | None, typer.Option("--profile", help="Write a trace here.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Windows a second from host audio on a GPU, the share of each stage, the distance to the roofline."""
    cost = WindowCost(gflop * 1e9, megabytes * 1e6) if gflop is not None and megabytes is not None else None
    batches = batch or [64, 256, 1024]
    precisions = precision or [Precision.FP32, Precision.TF32]
    try:
        run_bench_gpu(model, device, batches, precisions, windows, cuda_graphs, tensorrt, trace, json_path, cost)
    except (GenredError, ModelNotFound) as error:
        typer.echo(f"genred: {error}", err=True)
        raise typer.Exit(error.exit_code if isinstance(error, GenredError) else EXIT_USAGE) from None


if __name__ == "__main__":
    app()

"""`genred export onnx`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from export.command import fail, reported, warn


class PrecisionName(StrEnum):
    """How a graph's numbers are kept."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8 = "int8"


def onnx_command(
    trained: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or one of its .safetensors files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file to write; variants go beside it.")],
    music: Annotated[
        Path | None,
        typer.Option("--set", help="Music set for real windows, thresholds, temperature. Default: the run's own."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What results call the model. Default: the file's name.")] = None,
    version: Annotated[str, typer.Option(help="Of the model, as results name it.")] = "1",
    licence: Annotated[str, typer.Option(help="Of the weights; goes into the card.")] = "not stated",
    precision: Annotated[
        list[PrecisionName] | None,
        typer.Option(help="A variant to write as well; again for more. fp32 is always written."),
    ] = None,
    max_deviation: Annotated[float, typer.Option(help="A variant whose scores are off by more is refused.")] = 0.05,
    temperature: Annotated[
        bool, typer.Option(help="Fit a temperature on the validation clips and build it into the network.")
    ] = True,
    opset: Annotated[
        int | None, typer.Option(help="ONNX operator set, for older runtimes. Default: the newest that works here.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder with the set's features. Default: in the set.")] = None,
) -> None:
    """Turn a trained network into an ONNX file with a card that the daemon serves, proven against PyTorch."""
    with reported():
        from export.convert.conversion import Conversion, Wishes, convert
        from export.convert.made_card import Naming
        from export.convert.opset import opset_of
        from export.convert.sources import checked_output, checkpoint_and_set

        checked_output(output)
        checkpoint, set_of_run = checkpoint_and_set(trained, music)
        wishes = Wishes(
            Naming(name or output.stem, version, licence),
            tuple(each.value for each in precision or []),
            opset,
            max_deviation,
            temperature,
        )
        found: Conversion = convert(checkpoint, output, set_of_run, cache, wishes)
        typer.echo(
            f"{'file':<32} {'precision':<9} {'opset':>5} {'off by':>8} {'ms/window':>9} {'speed':>6} {'size':>9}"
        )
        for each in found.written:
            typer.echo(
                f"{each.path.name:<32} {each.graph.precision:<9} {opset_of(each.graph.model):>5} "
                f"{each.graph.deviations.that_counts:>8.1e} {each.window_ms:>9.2f} {each.speed_ratio:>5.2f}x "
                f"{each.path.stat().st_size / 1e6:>6.2f} MB"
            )
        typer.echo(_compared_on(found.real_windows))
        for note in found.notes:
            warn(note)
        if found.refused:
            fail("\n".join(f"{each.precision} is not written: {each.reason}" for each in found.refused), 70)


def _compared_on(real_windows: int) -> str:
    if real_windows:
        return f"compared with the torch network on {real_windows} validation windows, on noise and on silence"
    return "compared with the torch network on noise and silence; name a music set with --set to compare on music"

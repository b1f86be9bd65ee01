"""`genred export verify`."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported


def verify_command(
    model: Annotated[Path, typer.Argument(help="An .onnx file that genred export onnx wrote.")],
    trained: Annotated[Path, typer.Argument(metavar="RUN", help="The run folder, or checkpoint, it was made from.")],
    music: Annotated[
        Path | None, typer.Option("--set", help="Music set for real windows. Default: the run's own.")
    ] = None,
    max_deviation: Annotated[
        float, typer.Option(help="How far a score may be off; variants in fp16 and int8 need more.")
    ] = 1e-4,
    cache: Annotated[Path | None, typer.Option(help="Folder with the set's features. Default: in the set.")] = None,
) -> None:
    """Prove once more that an ONNX file computes what its checkpoint computes."""
    with reported():
        from export.convert.sources import checkpoint_and_set
        from export.convert.verification import verify

        checkpoint, music_set = checkpoint_and_set(trained, music)
        found = verify(model, checkpoint, music_set, cache, max_deviation)
        typer.echo(f"ok   {model}: off by at most {found.deviations.noise:.1e} on noise and silence")
        if found.deviations.real is not None:
            typer.echo(f"     and by {found.deviations.real:.1e} on {found.real_windows} validation windows")

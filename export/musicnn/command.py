"""`genred export import-musicnn`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from export.command import reported
from export.errors import InputUnusable


class Model(StrEnum):
    """Which of musicnn's networks."""

    MSD = "msd"
    MTT = "mtt"
    ALL = "all"


class ArrangementName(StrEnum):
    """How the graph is laid out; the function is the same. Or no graph: weights to train from."""

    FAST = "fast"
    PLAIN = "plain"
    WEIGHTS = "weights"


def import_musicnn_command(
    package: Annotated[
        Path | None, typer.Option(help="Folder or wheel of musicnn 0.1.0. Default: the installed package.")
    ] = None,
    model: Annotated[Model, typer.Option(help="Last.fm tags (msd), MagnaTagATune's (mtt), or both.")] = Model.ALL,
    arrangement: Annotated[
        ArrangementName,
        typer.Option(
            help="fast: rearranged for CPUs; plain: as published, for comparison; weights: no ONNX but the published "
            "weights as .safetensors, for genred export train --init."
        ),
    ] = ArrangementName.FAST,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path(),
) -> None:
    """Turn musicnn's TensorFlow checkpoints into ONNX files with cards, checked against the original network."""
    with reported():
        if not output.is_dir():
            raise InputUnusable(f"{output} is not a folder: make it, or name another with -o")
        from export.musicnn.importing import import_musicnn
        from export.musicnn.package import musicnn_package
        from export.musicnn.training_weights import import_weights

        names = ["msd", "mtt"] if model is Model.ALL else [model.value]
        with musicnn_package(package) as folder:
            for name in names:
                if arrangement is ArrangementName.WEIGHTS:
                    typer.echo(f"{import_weights(folder, name, output)}: the published weights")
                    continue
                imported = import_musicnn(
                    folder, name, "fast" if arrangement is ArrangementName.FAST else "plain", output
                )
                typer.echo(f"{imported.path}: differs from the original by at most {imported.largest_difference:.1e}")

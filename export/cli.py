"""`genred export ...`: the face of genred that makes models. Heavy imports wait until a command runs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

_USAGE = 64
_UNAVAILABLE = 69
_INTERNAL = 70

app = typer.Typer(name="export", no_args_is_help=True, help="Make, check and convert models.")


class Model(StrEnum):
    """Which of musicnn's networks."""

    MSD = "msd"
    MTT = "mtt"
    ALL = "all"


class ArrangementName(StrEnum):
    """How the graph is laid out; the function is the same."""

    FAST = "fast"
    PLAIN = "plain"


@app.callback()
def _group() -> None:
    """Make, check and convert models."""


@app.command("import-musicnn")
def import_musicnn_command(
    package: Annotated[
        Path | None, typer.Option(help="Folder or wheel of musicnn 0.1.0. Default: the installed package.")
    ] = None,
    model: Annotated[Model, typer.Option(help="Last.fm tags (msd), MagnaTagATune's (mtt), or both.")] = Model.ALL,
    arrangement: Annotated[
        ArrangementName, typer.Option(help="fast: rearranged for CPUs; plain: as published, for comparison.")
    ] = ArrangementName.FAST,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the .onnx files.")] = Path(),
) -> None:
    """Turn musicnn's TensorFlow checkpoints into ONNX files with cards, checked against the original network."""
    from export.musicnn_package import PackageMissingError, musicnn_package

    if not output.is_dir():
        _fail(f"{output} is not a folder: make it, or name another with -o", _USAGE)
    names = ["msd", "mtt"] if model is Model.ALL else [model.value]
    try:
        with musicnn_package(package) as folder:
            _import_all(folder, names, arrangement, output)
    except PackageMissingError as error:
        _fail(str(error), _UNAVAILABLE)


def _import_all(package: Path, names: list[str], arrangement: ArrangementName, output: Path) -> None:
    """Import each network, saying what was written; errors end the program with their code."""
    try:
        from export.musicnn import import_musicnn
        from export.onnx_graph import ParityError
        from export.tf_checkpoint import CheckpointError
    except ImportError as error:
        _fail(
            f"{error.name} is not installed; install genred with its extras: pip install 'genred[cpu,export]'",
            _UNAVAILABLE,
        )
    for name in names:
        try:
            imported = import_musicnn(package, name, "fast" if arrangement is ArrangementName.FAST else "plain", output)
        except (CheckpointError, OSError) as error:
            _fail(str(error), _UNAVAILABLE)
        except ParityError as error:
            _fail(f"{name}: {error}; nothing was written", _INTERNAL)
        typer.echo(f"{imported.path}: differs from the original by at most {imported.largest_difference:.1e}")


def _fail(message: str, code: int) -> NoReturn:
    """One line on standard error, and the end. Not typer.Exit: without its standalone mode that becomes a success."""
    typer.echo(f"genred export: {message}", err=True)
    sys.exit(code)

"""`genred export compare`."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported, warn
from export.evaluate.options import CommonLabels, FeaturesFolder, Resamples, Split, SplitName, Workers


def compare_command(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="Two or more: run folders, .safetensors checkpoints, .onnx files, shipped models' names.",
        ),
    ],
    music: Annotated[Path, typer.Option("--set", metavar="SET", help="A music set, as genred export scan writes it.")],
    split: Split = SplitName.TEST,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write a page (index.html), comparison.json and comparison.csv."
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Hold all against this one. Default: the best by macro F1.")
    ] = None,
    common_labels: CommonLabels = False,
    resamples: Resamples = 1000,
    cache: FeaturesFolder = None,
    workers: Workers = 0,
) -> None:
    """Put several models side by side on the same clips: figures, differences, sizes, speed, curves."""
    with reported():
        from export.compare.comparing import Options, compare_models
        from export.compare.files import NAMES, write_files
        from export.compare.terminal import print_comparison
        from export.data.music_set import read_music_set
        from export.output_folder import check_output_folder

        if output is not None:
            check_output_folder(output, NAMES)
        options = Options(cache or music / "cache", split.value, against, common_labels, resamples, workers)
        found = compare_models(models, read_music_set(music), options, warn)
        print_comparison(found)
        if output is not None:
            typer.echo(f"page: {write_files(found, output)}")

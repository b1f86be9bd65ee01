"""Options of the commands that judge, as typer shows them; light, for every start of the program reads it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class SplitName(StrEnum):
    """Which part of a set."""

    TEST = "test"
    VALIDATION = "validation"
    TRAIN = "train"


Split = Annotated[SplitName, typer.Option(help="Which clips of the set.")]
CommonLabels = Annotated[
    bool, typer.Option("--common-labels", help="Judge only the labels that every model and the set share.")
]
Resamples = Annotated[int, typer.Option(min=100, max=100_000, help="Resamples of the bootstrap intervals.")]
FeaturesFolder = Annotated[Path | None, typer.Option(help="Folder of the features. Default: SET/cache.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read audio; 0: one a usable core.")]

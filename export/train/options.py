"""Options of the commands that train, as typer shows them; light, for every start of the program reads it."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path | None, typer.Option(help="Settings in a TOML file; see docs/training-settings.md.")]
Epochs = Annotated[int | None, typer.Option(help="At most so many times through the training clips.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting, e.g. optimiser.learning_rate=3e-4; repeatable."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder, with its own settings.")]

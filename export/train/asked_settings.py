"""What the words of a command that trains come to."""

from pathlib import Path
from typing import Any

from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.settings_file import changed, checked, read_table


def settings_of(
    run: Path,
    resume: bool,
    config: Path | None,
    network: str | None,
    epochs: int | None,
    init: str | None,
    changes: list[str],
) -> TrainSettings:
    """The file's, or those of the run that goes on, with what the command line says put in. SettingsUnusable."""
    of_run = RunFolder(run).settings
    source = config or (of_run if resume and of_run.is_file() else None)
    table: dict[str, Any] = read_table(source) if source is not None else {}
    flags = {"network": network, "epochs": epochs, "initial": init}
    table |= {key: value for key, value in flags.items() if value is not None}
    return checked(changed(table, changes), str(source) if source is not None else "settings")

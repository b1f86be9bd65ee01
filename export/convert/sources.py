"""What `genred export onnx` and `verify` are given: a checkpoint, and the music set that it was trained on."""

import json
from pathlib import Path
from typing import Final

from export.data.music_set import MusicSet, read_music_set
from export.errors import InputUnusable
from export.train.trained import checkpoint_of

_ENVIRONMENT: Final = "environment.json"


def checkpoint_and_set(trained: Path, music: Path | None) -> tuple[Path, MusicSet | None]:
    """The checkpoint meant by a run folder or file, and the set named, or else the one the run knows of.

    None where neither is there. InputUnusable.
    """
    checkpoint = checkpoint_of(trained)
    if music is not None:
        return checkpoint, read_music_set(music)
    known = _set_of_run(checkpoint)
    return checkpoint, None if known is None else read_music_set(known)


def checked_output(output: Path) -> None:
    """InputUnusable for an output that could not be written, before hours are spent on it."""
    if output.suffix != ".onnx":
        raise InputUnusable(f"{output}: the output's name must end with .onnx")
    if output.is_dir() or not output.parent.is_dir():
        raise InputUnusable(f"{output}: name a file in a folder that is there")


def _set_of_run(checkpoint: Path) -> Path | None:
    """The folder named in the run's environment.json, if both are there still."""
    for folder in checkpoint.resolve().parents[:2]:
        try:
            fields = json.loads((folder / _ENVIRONMENT).read_text(encoding="utf-8"))
            known = Path(fields["music_set"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return known if known.is_dir() else None
    return None

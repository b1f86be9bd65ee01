"""What `genred export onnx` and `verify` are given: a checkpoint, the music set it learnt from, what its run knows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from export.data.music_set import MusicSet, read_music_set
from export.errors import InputUnusable
from export.train.run_folder import RunFolder
from export.train.trained import checkpoint_of

DISTILLATION: Final = "distillation.json"  # in the run folder of a student


def checkpoint_and_set(trained: Path, music: Path | None) -> tuple[Path, MusicSet | None]:
    """The checkpoint meant by a run folder or file, and the set named, or else the one the run knows of.

    None where neither is there. InputUnusable.
    """
    checkpoint = checkpoint_of(trained)
    if music is not None:
        return checkpoint, read_music_set(music)
    known = _environment(checkpoint).get("music_set", {}).get("folder")
    return checkpoint, read_music_set(Path(known)) if known is not None and Path(known).is_dir() else None


def checked_output(output: Path) -> None:
    """InputUnusable for an output that could not be written, before much is done for it."""
    if output.suffix != ".onnx":
        raise InputUnusable(f"{output}: the output's name must end with .onnx")
    if output.is_dir() or not output.parent.is_dir():
        raise InputUnusable(f"{output}: name a file in a folder that is there")


def origins(checkpoint: Path) -> dict[str, Any]:
    """What the checkpoint's run folder says of where it comes from: code, packages; of a student its teachers, too."""
    found: dict[str, Any] = {}
    sessions = _environment(checkpoint).get("sessions") or [{}]
    for key in ("git", "versions"):
        if sessions[-1].get(key):
            found[key] = sessions[-1][key]
    return found | _read(_run_folder(checkpoint) / DISTILLATION)


def _environment(checkpoint: Path) -> dict[str, Any]:
    return _read(RunFolder(_run_folder(checkpoint)).environment)


def _run_folder(checkpoint: Path) -> Path:
    return checkpoint.resolve().parent.parent


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(fields) if isinstance(fields, Mapping) else {}

"""Folders that commands write into, looked at before hours of work are done for them."""

import os
from collections.abc import Sequence
from pathlib import Path

from export.errors import InputUnusable


def check_output_folder(folder: Path, names: Sequence[str]) -> None:
    """InputUnusable for a folder that cannot be made, or has a folder where one of the files `names` should be."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise InputUnusable(f"{there} is a file; name a folder to write into")
    if not os.access(there, os.W_OK):
        raise InputUnusable(f"{there} cannot be written to; name another folder to write into")
    for name in names:
        if (folder / name).is_dir():
            raise InputUnusable(f"{folder / name} is a folder; name another one to write into")

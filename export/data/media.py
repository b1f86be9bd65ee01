"""Which files are music or pictures of it, and where they lie."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from export.errors import InputUnusable
from models.front_ends.spec import Kind

# fmt: off
AUDIO_SUFFIXES: Final = frozenset((
    ".aac", ".aif", ".aifc", ".aiff", ".alac", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3",
    ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".snd", ".tta", ".wav", ".webm", ".wma", ".wv",
))
# fmt: on
PICTURE_SUFFIXES: Final = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))

_SHOWN: Final[tuple[Kind, ...]] = ("log-mel", "mel-image")


def is_audio(path: Path) -> bool:
    """Whether the name is one of an audio file."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def is_picture(path: Path) -> bool:
    """Whether the name is one of a picture."""
    return path.suffix.lower() in PICTURE_SUFFIXES


def check_heard(kind: Kind) -> None:
    """InputUnusable for a front end that hears something else than pictures show."""
    if kind not in _SHOWN:
        raise InputUnusable(
            f"pictures show mels in dB, and {kind} is made of audio; use a front end of {' or '.join(_SHOWN)}, or music"
        )


def folders_below(source: Path, without: Path) -> Iterator[tuple[Path, list[Path]]]:
    """`source` and every folder below it with its files, sorted; hidden ones and `without` are left out.

    Links to folders are followed, each folder is visited once. OSError where a folder cannot be read.
    """
    seen = {without.resolve()} if without.resolve() != source.resolve() else set()

    def failed(error: OSError) -> None:
        raise error

    for folder, names, files in os.walk(source, followlinks=True, onerror=failed):
        here = Path(folder).resolve()
        if here in seen:
            names.clear()
            continue
        seen.add(here)
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield Path(folder), [Path(folder, name) for name in sorted(files) if not name.startswith(".")]


def is_utf8(path: Path) -> bool:
    """Whether the name can be written into a manifest."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True

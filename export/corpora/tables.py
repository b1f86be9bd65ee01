"""A corpus as tables: `music.csv` for `genred export scan`, `SOURCES.csv` what came from where."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from export.corpora.harvest import COPYRIGHT, Source
from models.whole_file import write_text

MUSIC: Final = "music.csv"
SOURCES: Final = "SOURCES.csv"


def write_tables(folder: Path, sources: Sequence[Source]) -> list[Path]:
    """Both tables, each whole or not at all; OSError."""
    music = [
        (f"{source.package}/{track.path}", "", _artist(track.artist, source.package), source.package, track.title,
         track.licence, track.duration_s)
        for source in sources
        for track in source.tracks
    ]  # fmt: skip
    _write(folder / MUSIC, ("path", "labels", "artist", "package", "title", "licence", "duration_s"), music)
    packages = [
        (source.package, source.version, len(source.tracks), f"{hours(source):.3f}", licences(source),
         source.homepage, f"{source.package}/{COPYRIGHT}")
        for source in sources
    ]  # fmt: skip
    columns = ("package", "version", "tracks", "hours", "licences", "homepage", "copyright")
    _write(folder / SOURCES, columns, packages)
    return [folder / MUSIC, folder / SOURCES]


def hours(source: Source) -> float:
    """Of its tracks together."""
    return sum(track.duration_s for track in source.tracks) / 3600


def licences(source: Source) -> str:
    """The licences of its tracks, each once."""
    return "; ".join(sorted({track.licence for track in source.tracks}))


def _artist(artist: str, package: str) -> str:
    """The same for one artist in several packages; a package's nameless tracks are taken as one artist's."""
    return artist.casefold() or package


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with io.StringIO(newline="") as text:
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)
        write_text(path, text.getvalue())

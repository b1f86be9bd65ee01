"""FMA, the Free Music Archive data set, as it is distributed: https://github.com/mdeff/fma

Audio lies in folders of a thousand tracks (000/000002.mp3). `fma_metadata/tracks.csv` has two rows of column names, one
that names the index, then a row a track; `genres.csv` beside it names the numbers of the genres.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from export.data.clip import Clip
from export.data.listing import Listing, Skipped
from export.data.manifest import SPLIT_NAMES
from export.data.media import folders_below, is_audio
from export.errors import InputUnusable

FmaLabels = Literal["genre_top", "genres_all"]

_COLUMNS: Final = {
    "split": ("set", "split"),
    "artist": ("artist", "name"),
    "genre_top": ("track", "genre_top"),
    "genres_all": ("track", "genres_all"),
}
_LONGEST_FIELD: Final = 1 << 24  # biographies are longer than the csv module's own limit


@dataclass(frozen=True, slots=True)
class _Track:
    genre_top: str
    genres_all: str
    artist: str
    split: str


def list_fma(folder: Path, tracks_csv: Path, labels: FmaLabels, without: Path) -> Listing:
    """The tracks below `folder` with their labels, artists and official split.

    genre_top: the one main genre. genres_all: all genres and those above them, several a track. `without` (the set) is
    left out. InputUnusable when a table is not FMA's or no track is there.
    """
    tracks = _read_tracks(tracks_csv)
    names = _read_genres(tracks_csv.with_name("genres.csv")) if labels == "genres_all" else {}
    clips: list[Clip] = []
    skipped: list[Skipped] = []
    for path in [path for _, files in folders_below(folder, without) for path in files if is_audio(path)]:
        track = tracks.get(int(path.stem)) if path.stem.isdecimal() else None
        if track is None:
            skipped.append(Skipped(path, f"is not in {tracks_csv.name}"))
            continue
        words = _words(track, labels, names, f"{tracks_csv}: track {int(path.stem)}")
        if words:
            clips.append(Clip(path, words, track.artist or None, SPLIT_NAMES[track.split]))
        else:
            skipped.append(Skipped(path, f"has no {labels} in {tracks_csv.name}"))
    if not clips:
        raise InputUnusable(f"{folder} has no track that {tracks_csv} knows (000/000002.mp3, ...)")
    return Listing(tuple(clips), tuple(skipped))


def _words(track: _Track, labels: FmaLabels, names: Mapping[int, str], where: str) -> tuple[str, ...]:
    if track.split not in SPLIT_NAMES:
        raise InputUnusable(f"{where}: unknown split {track.split!r}")
    if labels == "genre_top":
        return (track.genre_top,) if track.genre_top else ()
    try:
        return tuple(names[int(number)] for number in json.loads(track.genres_all or "[]"))
    except (ValueError, TypeError):
        raise InputUnusable(f"{where}: genres_all is not a list of numbers: {track.genres_all!r:.60}") from None
    except KeyError as error:
        raise InputUnusable(f"{where}: genres.csv has no genre {error}") from None


def _read_tracks(path: Path) -> dict[int, _Track]:
    rows = _rows(path)
    groups, columns = next(rows, []), next(rows, [])
    next(rows, None)  # the index's name
    header = list(zip(groups, columns, strict=False))
    absent = [".".join(column) for column in _COLUMNS.values() if column not in header]
    if absent:
        raise InputUnusable(f"{path} is not FMA's tracks.csv: no column {', '.join(absent)} in its first two rows")
    places = {field: header.index(column) for field, column in _COLUMNS.items()}
    tracks = {}
    for number, row in enumerate(rows, 4):
        if not row:
            continue
        try:
            fields = {field: row[place].strip() for field, place in places.items()}
            tracks[int(row[0])] = _Track(**fields)
        except (ValueError, IndexError):
            raise InputUnusable(f"{path}: row {number} is not a track") from None
    return tracks


def _read_genres(path: Path) -> dict[int, str]:
    """The genres' names by number."""
    rows = _rows(path)
    header = next(rows, [])
    if "genre_id" not in header or "title" not in header:
        raise InputUnusable(f"{path} is not FMA's genres.csv: no columns genre_id and title")
    number, title = header.index("genre_id"), header.index("title")
    try:
        return {int(row[number]): row[title] for row in rows if row}
    except (ValueError, IndexError):
        raise InputUnusable(f"{path} is not FMA's genres.csv: a row is damaged") from None


def _rows(path: Path) -> Iterator[list[str]]:
    usual = csv.field_size_limit(_LONGEST_FIELD)  # of the whole process: given back behind the last row
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file)
    except FileNotFoundError:
        raise InputUnusable(f"{path} does not exist: it comes with fma_metadata.zip") from None
    except (IsADirectoryError, NotADirectoryError):
        raise InputUnusable(f"{path} is no file: name the tracks.csv that fma_metadata.zip holds") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputUnusable(f"{path} is not CSV in UTF-8: {error}") from None
    finally:
        csv.field_size_limit(usual)

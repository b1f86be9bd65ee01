"""A table of clips: CSV (or TSV) with a header, or JSON lines, with path, labels, artist and split."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from export.data.clip import Clip, Split
from export.data.listing import Listing, Skipped
from export.data.media import is_picture
from export.data.table_rows import Row, csv_rows, decoded, json_rows
from export.errors import InputUnusable

SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
SPLIT_NAMES: Final[Mapping[str, Split]] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_PATHS: Final = ("path", "file", "filename")
_LABELS: Final = ("labels", "label", "genres", "genre")
_SHOWN: Final = 5


def list_manifest(manifest: Path, *, unlabelled: bool = False, skip_missing: bool = False) -> Listing:
    """The clips of a table; paths are relative to its folder.

    Labels of a CSV's column `labels` (or label, genres, genre) are separated by ; or |, those of a column `tags` by
    spaces; JSON lines may have lists. InputUnusable names the line; and the files that are missing, unless
    `skip_missing`, which lists them as skipped.
    """
    clips: dict[Path, Clip] = {}
    lines: dict[Path, str] = {}
    missing: list[Skipped] = []
    for row in _rows(manifest):
        where = row.where
        clip = _clip(row.fields, where, manifest.parent, unlabelled)
        if clip.path in lines:
            raise InputUnusable(f"{where}: {clip.path} is in {lines[clip.path]} already")
        lines[clip.path] = where
        if clip.path.is_file():
            clips[clip.path] = clip
        else:
            missing.append(Skipped(clip.path, "does not exist"))
    if not lines:
        raise InputUnusable(f"{manifest} has no clips")
    if missing and not skip_missing:
        raise InputUnusable(_missing(manifest, missing, lines))
    kinds = {is_picture(path) for path in clips}
    if len(kinds) > 1:
        raise InputUnusable(f"{manifest} names both audio files and pictures: make a set of each")
    return Listing(tuple(clips.values()), tuple(missing), pictures=kinds == {True})


def _missing(manifest: Path, missing: list[Skipped], lines: Mapping[Path, str]) -> str:
    shown = [f"{lines[skipped.path]}: {skipped.path} does not exist" for skipped in missing[:_SHOWN]]
    more = [f"... and {len(missing) - _SHOWN} more"] if len(missing) > _SHOWN else []
    head = f"{manifest}: {len(missing)} of {len(lines)} files are missing; --skip-missing goes on without them"
    return "\n".join([head, *shown, *more])


def _rows(manifest: Path) -> Iterator[Row]:
    text = decoded(manifest.read_bytes(), str(manifest))
    if manifest.suffix.lower() in (".jsonl", ".ndjson"):
        return json_rows(text, str(manifest))
    return csv_rows(text, str(manifest))[1]


def _clip(fields: Mapping[str, Any], where: str, folder: Path, unlabelled: bool) -> Clip:
    path = next((fields[key] for key in _PATHS if fields.get(key)), None)
    if not isinstance(path, str):
        raise InputUnusable(f"{where}: no path; a manifest has the columns path, labels (or tags), artist, split")
    labels = () if unlabelled else _labels(fields, where)
    artist = fields.get("artist")
    name = str(artist).strip() if artist is not None else ""
    return Clip(folder / path, labels, name or None, _split(fields.get("split"), where))


def _labels(fields: Mapping[str, Any], where: str) -> tuple[str, ...]:
    key = next((key for key in (*_LABELS, "tags") if key in fields), None)
    if key is None:
        raise InputUnusable(f"{where}: no column labels, genre or tags; --unlabelled makes a set without labels")
    value = fields[key]
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        names = value
    elif isinstance(value, str):
        names = value.split() if key == "tags" else value.replace("|", ";").split(";")
    elif value is None:
        names = []
    else:
        raise InputUnusable(f"{where}: {key} must be words, not {value!r:.60}")
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _split(value: object, where: str) -> Split | None:
    name = str(value).strip().lower() if value is not None else ""
    if name and name not in SPLIT_NAMES:
        raise InputUnusable(f"{where}: unknown split {name!r}; known: train, validation, test")
    return SPLIT_NAMES[name] if name else None

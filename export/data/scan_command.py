"""`genred export scan`."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from export.command import reported
from export.errors import InputUnusable

if TYPE_CHECKING:
    from export.data.label_map import LabelMap
    from export.data.listing import Listing

_TAGS: Final = "tags"


class SplitName(StrEnum):
    """Where the splits come from."""

    AUTO = "auto"
    OFFICIAL = "official"
    RANDOM = "random"


class Duplicates(StrEnum):
    """What becomes of files with the same audio."""

    KEEP = "keep"
    DROP = "drop"


class FmaColumn(StrEnum):
    """Which of FMA's labels."""

    GENRE_TOP = "genre_top"
    GENRES_ALL = "genres_all"


def scan_command(
    source: Annotated[Path, typer.Argument(help="A folder of music, or a CSV, TSV or JSONL table of clips.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The set: a folder, made if it is not there.")],
    genre_from: Annotated[
        str,
        typer.Option(
            help="Folder that names the genre: first (below the source), second, ..., parent (the file's own),"
            " or a number: 0 is the first, -1 the parent."
        ),
    ] = "first",
    artist_from: Annotated[
        str | None, typer.Option(help="Folder that names the artist, likewise; or tags: the files' own metadata.")
    ] = None,
    label_map: Annotated[
        Path | None, typer.Option(help="TOML file: which words become which labels, which are dropped.")
    ] = None,
    multi_label: Annotated[
        bool | None,
        typer.Option("--multi-label/--single-label", help="Several labels a clip, or one. Default: as the clips are."),
    ] = None,
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Music without labels, for distillation.")] = False,
    one_label_ok: Annotated[bool, typer.Option("--one-label-ok", help="Make a set of a single label.")] = False,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without the files of a table that are missing.")
    ] = False,
    fma_tracks: Annotated[
        Path | None, typer.Option(help="FMA's tracks.csv: the source is a folder of FMA's audio.")
    ] = None,
    fma_labels: Annotated[
        FmaColumn, typer.Option(help="FMA's one main genre, or all genres of a track.")
    ] = FmaColumn.GENRE_TOP,
    split: Annotated[
        SplitName, typer.Option(help="Splits as the source says, drawn at random, or auto: official where there are.")
    ] = SplitName.AUTO,
    validation: Annotated[float, typer.Option(help="Share of the clips that validates.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the clips that tests.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed, other random splits.")] = 0,
    ignore_artists: Annotated[
        bool, typer.Option("--ignore-artists", help="Let an artist be in several splits; the set forgets artists.")
    ] = False,
    duplicates: Annotated[
        Duplicates, typer.Option(help="Files with the same audio: keep all in one split, or drop all but one.")
    ] = Duplicates.KEEP,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="Leave out of the training what an official test has too.")
    ] = False,
    min_duration_s: Annotated[float, typer.Option(help="Shorter clips are skipped.")] = 4.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a processor.")] = None,
) -> None:
    """Look through music and make a set of it: labels, splits, duplicates, and what cannot be used."""
    with reported():
        from export.console import console
        from export.data.music_set import write_music_set
        from export.data.scan import ScanRules, scan
        from export.data.scan_report import show_report, write_report
        from export.data.splits import SplitRules

        if unlabelled and label_map is not None:
            raise InputUnusable("--unlabelled and --label-map exclude each other")
        rules = ScanRules(
            label_map=_map_of(label_map, multi_label),
            split=split.value,
            shares=SplitRules(validation, test, seed),
            unlabelled=unlabelled,
            one_label_ok=one_label_ok,
            artist_tags=artist_from == _TAGS,
            ignore_artists=ignore_artists,
            drop_duplicates=duplicates is Duplicates.DROP,
            drop_leaks=drop_leaks,
            min_duration_s=min_duration_s,
            workers=workers or len(os.sched_getaffinity(0)),
        )
        if output.exists() and not output.is_dir():
            raise InputUnusable(f"{output} is a file: a set is a folder")
        if fma_tracks is None and source.is_dir():
            listing = _folders(source, output, None if unlabelled else genre_from, artist_from)
        elif genre_from != "first" or artist_from not in (None, _TAGS):
            raise InputUnusable("--genre-from and --artist-from are for folders: a table says itself")
        elif fma_tracks is None:
            listing = _table(source, unlabelled, skip_missing)
        else:
            listing = _fma(source, fma_tracks, fma_labels, output)
        report = scan(listing, output.absolute(), rules)
        write_music_set(report.music)
        write_report(report)
        show_report(report, console())


def _folders(source: Path, output: Path, genre_from: str | None, artist_from: str | None) -> "Listing":
    from export.data.folders import PathParts, list_folders

    parts = PathParts(
        None if genre_from is None else _place(genre_from, "--genre-from"),
        None if artist_from in (None, _TAGS) else _place(artist_from, "--artist-from"),
    )
    return list_folders(source.absolute(), parts, output)


def _table(source: Path, unlabelled: bool, skip_missing: bool) -> "Listing":
    from export.data.manifest import SUFFIXES, list_manifest

    if not source.exists():
        raise InputUnusable(f"{source} does not exist")
    if source.suffix.lower() not in SUFFIXES:
        raise InputUnusable(f"{source}: a source is a folder, or a table ({', '.join(SUFFIXES)})")
    return list_manifest(source.absolute(), unlabelled=unlabelled, skip_missing=skip_missing)


def _fma(source: Path, tracks: Path, labels: FmaColumn, output: Path) -> "Listing":
    from export.data.fma import list_fma

    if not source.is_dir():
        raise InputUnusable(f"{source} is not a folder of FMA's audio")
    return list_fma(source.absolute(), tracks, labels.value, output)


def _place(name: str, option: str) -> int:
    """The number of a folder on the way from the source to a file."""
    named = {"first": 0, "second": 1, "third": 2, "parent": -1}
    try:
        return named[name] if name in named else int(name)
    except ValueError:
        raise InputUnusable(f"{option} {name}: say first, second, third, parent, or a number") from None


def _map_of(path: Path | None, multi_label: bool | None) -> "LabelMap":
    from export.data.label_map import LabelMap, read_label_map

    read = LabelMap() if path is None else read_label_map(path)
    return read if multi_label is None else read.model_copy(update={"multi_label": multi_label})

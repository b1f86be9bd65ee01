"""`genred export debian-music`: hours of freely licensed music for a student to listen to."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported


def debian_music_command(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the music and its tables.")],
    packages: Annotated[
        list[str] | None,
        typer.Option("--package", help="A package of Debian; repeat for more. Default: some 45 games."),
    ] = None,
    shortest_s: Annotated[float, typer.Option(min=1.0, help="Shorter files are taken for effects, and left.")] = 30.0,
    downloads: Annotated[
        Path | None, typer.Option(help="Keep the packages in this folder. Default: each is removed after use.")
    ] = None,
) -> None:
    """Take the music out of Debian's own game packages (main: all of it free), with the licence of every track.

    Writes SOURCES.csv, and music.csv for genred export scan --unlabelled (music for genred export distil). Packages are
    downloaded with apt-get (4 GB in all) and not installed. What is there already is kept: run it again to go on.
    """
    with reported():
        from export.corpora.debian import collect
        from export.corpora.packages import PACKAGES
        from export.corpora.tables import hours, licences, write_tables

        corpus = collect(output, packages or PACKAGES, shortest_s, downloads)
        tables = write_tables(output, corpus.sources)
        for source in corpus.sources:
            typer.echo(f"{source.package:28} {len(source.tracks):4} tracks {hours(source):6.2f} h  {licences(source)}")
        total = sum(map(hours, corpus.sources))
        tracks = sum(len(source.tracks) for source in corpus.sources)
        typer.echo(f"{tracks} tracks, {total:.2f} h: {', '.join(map(str, tables))}")
        for line in corpus.missing:
            typer.echo(f"genred export: left out: {line}", err=True)

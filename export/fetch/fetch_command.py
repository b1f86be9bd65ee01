"""`genred export fetch`."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported
from export.errors import DependencyMissing, InputUnusable


def fetch_command(
    table: Annotated[
        str, typer.Argument(help="CSV or JSONL with url, labels, artist, split; or a .txt of addresses; or its URL.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the audio and its manifest.csv.")],
    workers: Annotated[int, typer.Option(min=1, max=64, help="Links at once.")] = 4,
    per_host: Annotated[int, typer.Option(min=1, max=16, help="Links at once at one host.")] = 2,
    sample_rate_hz: Annotated[int, typer.Option(min=8_000, max=192_000, help="Rate of the mono FLAC files.")] = 16_000,
    max_mb: Annotated[float, typer.Option(min=0.001, help="Larger downloads are given up.")] = 200.0,
    max_duration_s: Annotated[float, typer.Option(min=1, help="Longer recordings are cut there.")] = 1200.0,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="To connect in, and without a byte.")] = 30.0,
    link_time_s: Annotated[float, typer.Option(min=1, help="For one link, with all its tries.")] = 900.0,
    retries: Annotated[int, typer.Option(min=0, max=20, help="Tries more, where an error may pass.")] = 4,
    retry_dead: Annotated[bool, typer.Option("--retry-dead", help="Ask dead links again.")] = False,
) -> None:
    """Fetch a table of links and labels as mono FLAC. Run it again to go on; nothing is downloaded twice."""
    with reported():
        from export.fetch.fetching import fetch
        from export.fetch.limits import Limits
        from export.fetch.lists import MANIFEST
        from export.fetch.opening import open_table

        limits = Limits(
            workers=workers,
            per_host=per_host,
            max_bytes=round(max_mb * 1e6),
            max_duration_s=max_duration_s,
            timeout_s=timeout_s,
            link_s=link_time_s,
            retries=retries,
        )
        if "://" not in table and Path(table).resolve() == (output / MANIFEST).resolve():
            raise InputUnusable(f"{table} would be overwritten by the manifest: rename it, or give another --output")
        links = open_table(table, limits)
        report = fetch(links, output, sample_rate_hz, limits, retry_dead=retry_dead)
        dead = f"; {len(report.dead)} dead links are in {output / 'dead-links.csv'}" if report.dead else ""
        typer.echo(
            f"{output / 'manifest.csv'}: {report.files} recordings"
            f" ({report.fetched} links fetched now, {report.there} before){dead}"
        )
        if not report.files:
            raise DependencyMissing(f"none of {len(links)} links gave audio; the first: {report.dead[0].reason}")

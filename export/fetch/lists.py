"""What a run leaves for people and for `genred export scan`: manifest.csv and dead-links.csv."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from export.fetch.link import Link
from export.fetch.records import Dead, Fetched
from export.fetch.table import joined
from models.whole_file import write_text

MANIFEST: Final = "manifest.csv"
DEAD_LINKS: Final = "dead-links.csv"


def write_lists(folder: Path, links: Sequence[Link], found: Mapping[str, Fetched | Dead]) -> None:
    """Both lists, of the links in the table's order; `found` by address. OSError."""
    write_text(folder / MANIFEST, _csv(("path", "labels", "artist", "split", "title", "url"), _music(links, found)))
    dead = [(record.url, record.reason) for link in links if isinstance(record := found.get(link.url), Dead)]
    write_text(folder / DEAD_LINKS, _csv(("url", "reason"), dead))


def _music(links: Iterable[Link], found: Mapping[str, Fetched | Dead]) -> list[tuple[str, ...]]:
    """A line a file: links that led to the same bytes share one, with the labels of all."""
    rows: dict[str, tuple[Link, Fetched]] = {}
    for link in links:
        record = found.get(link.url)
        if isinstance(record, Fetched):
            known = rows.get(record.file)
            rows[record.file] = (link, record) if known is None else (joined(known[0], link), known[1])
    return [
        (
            file,
            ";".join(link.labels),
            link.artist or record.artist or "",
            link.split or "",
            link.title or record.title or "",
            link.url,
        )
        for file, (link, record) in rows.items()
    ]


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()

"""The table of links: CSV with a header, JSON lines, or plain text with an address a line. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from export.data.clip import SPLITS
from export.data.manifest import SPLIT_NAMES
from export.data.table_rows import Row, csv_rows, json_rows
from export.errors import InputUnusable
from export.fetch.link import Link, absolute

# The same thing by the names that tables have for it; the first is ours.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "url": ("url", "link", "address"),
    "labels": ("labels", "label", "genres", "genre", "tags"),
    "artist": ("artist",),
    "split": ("split",),
    "title": ("title",),
}
_BETWEEN_LABELS: Final = re.compile(r"[;|]")


def read_table(text: str, name: str, base: str | None = None) -> tuple[Link, ...]:
    """The links of a table, in its order, each address once (labels of repeated lines are put together).

    name: stands for the table in messages; its suffix (.csv, .tsv, .jsonl, .txt) tells the kind, else the first
    character does. base: the table's own address, which relative links are of. InputUnusable names the line.
    """
    links = [_link(row, base) for row in _rows(text.removeprefix("\ufeff"), name)]
    if not links:
        raise InputUnusable(f"{name} has no links")
    return merged(links)


def merged(links: Iterable[Link]) -> tuple[Link, ...]:
    """Each address once; labels of its lines together, the rest as first said."""
    found: dict[str, Link] = {}
    for link in links:
        known = found.get(link.url)
        found[link.url] = link if known is None else joined(known, link)
    return tuple(found.values())


def joined(first: Link, second: Link) -> Link:
    """One link for two to the same recording: the labels of both, the rest as first said."""
    return replace(
        first,
        labels=tuple(dict.fromkeys((*first.labels, *second.labels))),
        artist=first.artist or second.artist,
        split=first.split or second.split,
        title=first.title or second.title,
    )


def _rows(text: str, name: str) -> Iterable[Row]:
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("jsonl", "ndjson") or (suffix not in ("csv", "tsv", "txt") and text.lstrip().startswith("{")):
        return json_rows(text, name)
    if suffix == "txt":
        lines = enumerate(text.splitlines(), 1)
        return [Row(name, n, {"url": line}) for n, line in lines if line.strip() and not line.startswith("#")]
    header, rows = csv_rows(text, name)
    if set(header).isdisjoint(COLUMNS["url"]):
        raise InputUnusable(f"{name}: a table needs a header with a column url; this one has {_shown(header)}")
    return rows


def _link(row: Row, base: str | None) -> Link:
    where, fields = row.where, {key: value for key, value in row.fields.items() if value not in (None, "")}
    url = _field(fields, "url")
    if not isinstance(url, str) or not url.strip():
        raise InputUnusable(f"{where}: no url")
    split = _text(fields, "split", where)
    if split is not None and split.lower() not in SPLIT_NAMES:
        raise InputUnusable(f"{where}: split is {split!r}, not one of {', '.join(SPLITS)}")
    return Link(
        url=absolute(url, base),
        labels=_labels(_field(fields, "labels"), where),
        artist=_text(fields, "artist", where),
        split=SPLIT_NAMES[split.lower()] if split else None,
        title=_text(fields, "title", where),
    )


def _field(fields: Mapping[str, Any], column: str) -> Any:
    return next((fields[name] for name in COLUMNS[column] if name in fields), None)


def _text(fields: Mapping[str, Any], column: str, where: str) -> str | None:
    value = _field(fields, column)
    if value is not None and not isinstance(value, str):
        raise InputUnusable(f"{where}: {column} must be text")
    return value.strip() or None if value else None


def _labels(value: Any, where: str) -> tuple[str, ...]:
    """Labels of a cell (; or | between them) or of a list, each once."""
    names = [value] if isinstance(value, str) else value or ()
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputUnusable(f"{where}: labels must be text with ; or | between them, or a list of texts")
    parts = [part.strip() for name in names for part in _BETWEEN_LABELS.split(name)]
    return tuple(dict.fromkeys(filter(None, parts)))


def _shown(header: Iterable[str]) -> str:
    names = ", ".join(sorted(name[:30] for name in header if name))
    return names[:200] or "none"

"""The rows of a table as people have them: CSV with a header (or TSV, or with semicolons), or JSON lines. Pure."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from export.errors import InputUnusable


class Row(NamedTuple):
    """table: its name. line: the file's, 1 the first. fields: by lower-case name."""

    table: str
    line: int
    fields: Mapping[str, Any]

    @property
    def where(self) -> str:
        """For messages, such as "music.csv:3"."""
        return f"{self.table}:{self.line}"


def decoded(table: bytes, name: str) -> str:
    """Its text, without a byte order mark; InputUnusable when it is not UTF-8."""
    try:
        return table.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputUnusable(f"{name} is not UTF-8 at byte {error.start}: save the table as UTF-8") from None


def json_rows(text: str, name: str) -> Iterator[Row]:
    """An object a line, empty lines left out; `name` stands for the table. InputUnusable names the line."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            fields = json.loads(line)
            json.dumps(fields, ensure_ascii=False).encode()  # half of a surrogate pair can be written nowhere
        except ValueError as error:
            raise InputUnusable(f"{where}: not JSON: {error}") from None
        if not isinstance(fields, dict):
            raise InputUnusable(f"{where}: not a JSON object")
        yield Row(name, number, {_plain(key): value for key, value in fields.items()})


def csv_rows(text: str, name: str) -> tuple[tuple[str, ...], Iterator[Row]]:
    """The header's names in their order, and the rows, a None for each cell that a short row lacks.

    InputUnusable names the line.

    Between cells stands whichever of , ; and tab the header has most of.
    """
    head = io.StringIO(text, newline=None).readline()
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    try:
        return tuple(_plain(column) for column in reader.fieldnames or ()), _csv_rows(reader, name)
    except csv.Error as error:
        raise _not_csv(reader, name, error) from None


def _csv_rows(reader: "csv.DictReader[str]", name: str) -> Iterator[Row]:
    try:
        for fields in reader:
            if any(cell.strip() for cell in fields.pop(None, ())):
                raise InputUnusable(f"{name}:{reader.line_num}: more columns than the header has")
            yield Row(name, reader.line_num, {_plain(key): value for key, value in fields.items()})
    except csv.Error as error:
        raise _not_csv(reader, name, error) from None


def _not_csv(reader: "csv.DictReader[str]", name: str, error: csv.Error) -> InputUnusable:
    return InputUnusable(f"{name}:{reader.reader.line_num}: not CSV: {error}")


def _plain(column: str | None) -> str:
    return (column or "").strip().lower()

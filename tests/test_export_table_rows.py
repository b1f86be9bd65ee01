"""Tables of clips and tables of links are read by the same rules, and refused in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.data.manifest import list_manifest
from export.errors import InputUnusable
from export.fetch.limits import Limits
from export.fetch.opening import open_table


@pytest.mark.parametrize(
    ("name", "table", "said"),
    [
        ("t.csv", b"path,url,labels\na.wav,http://x/a,jazz,blues\n", "{}:2: more columns than the header has"),
        ("t.csv", b"path,url\na.wav,http://x/" + b"a" * 200_000, "{}:2: not CSV: field larger than field limit"),
        ("t.csv", b"path,url\na.wav,http://x/\xe4\n", "{} is not UTF-8 at byte 24: save the table as UTF-8"),
        ("t.jsonl", b'{"path": "a.wav", "url": "http://x/a", "labels": []}\n\n{\n', "{}:3: not JSON: "),
        ("t.jsonl", b'["a.wav", "http://x/a"]\n', "{}:1: not a JSON object"),
        ("t.jsonl", b'{"path": "a.wav", "url": "http://x/a", "labels": "\\ud800"}\n', "{}:1: not JSON: "),
    ],
)
def test_both_refuse_a_table_in_the_same_words(tmp_path: Path, name: str, table: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(table)
    messages = []
    for read in (lambda: list_manifest(path, unlabelled=True), lambda: open_table(str(path), Limits())):
        with pytest.raises(InputUnusable) as refused:
            read()
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert messages[0].startswith(said.format(path))


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("t.csv", "\ufeffPath;URL;Labels\r\na.wav;http://x/a;jazz|blues;;\r\n"),
        ("t.tsv", "path\t url \tLABELS\na.wav\thttp://x/a\tjazz|blues\t \n"),
        ("t.ndjson", '\n{"Path": "a.wav", " url": "http://x/a", "labels": ["jazz", "blues"]}\r\n\r\n'),
    ],
)
def test_both_read_a_table_alike(tmp_path: Path, name: str, table: str) -> None:
    (tmp_path / "a.wav").touch()
    path = tmp_path / name
    path.write_text(table, encoding="utf-8", newline="")
    (clip,) = list_manifest(path).clips
    (link,) = open_table(str(path), Limits())
    assert clip.labels == link.labels == ("jazz", "blues")
    assert (clip.path, link.url) == (tmp_path / "a.wav", "http://x/a")

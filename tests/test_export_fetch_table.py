"""Tables of links as people have them; turns of hosts; pauses between tries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import DependencyMissing, InputUnusable
from export.fetch.host_queue import HostQueue
from export.fetch.limits import Limits
from export.fetch.link import Link
from export.fetch.opening import open_table
from export.fetch.retries import pause_s
from export.fetch.table import read_table

A, B = "http://one.example/a.mp3", "https://two.example/b.mp3"
BOTH = (Link(A, ("jazz", "blues"), "Ann", "train", "Tune"), Link(B))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", f"url,labels,artist,split,title\n{A},jazz| blues,Ann,train,Tune\n{B},,,,\n"),
        ("t.csv", f"\ufeffTitle;Artist;Link;Genre;Split\r\nTune;Ann;{A};jazz;Training\r\n;;{A};blues;\r\n;;{B};;\r\n"),
        ("t.tsv", f"url\tgenres\tartist\tsplit\ttitle\n{A}\tjazz;blues\tAnn\ttrain\tTune\n{B}\n"),
        (
            "t.jsonl",
            json.dumps({"url": A, "labels": ["jazz", "blues"], "artist": "Ann", "split": "train", "title": "Tune"})
            + f'\n\n{{"url": "{B}", "more": 1}}\n',
        ),
        ("table", f'{{"url": "{A}", "tags": "jazz;blues", "artist": "Ann", "split": "train", "title": "Tune"}}\n'
                  f'{{"link": "{B}"}}'),
    ],
)  # fmt: skip
def test_a_table_is_read_whatever_its_kind(name: str, text: str) -> None:
    assert read_table(text, name) == BOTH


def test_plain_text_is_addresses_and_relative_ones_are_of_the_table() -> None:
    text = f"# two\n{A}#part\n\n../b.mp3\n{A}\n"
    assert read_table(text, "t.txt", "https://two.example/lists/t.txt") == (Link(A), Link(B))
    assert read_table("../b.mp3\n", "t.txt")[0].url == "../b.mp3"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.csv", "", "needs a header with a column url; this one has none"),
        ("t.csv", "path,labels\na.wav,jazz\n", "needs a header with a column url; this one has labels, path"),
        ("t.csv", "url\n", "has no links"),
        ("t.csv", f"url,labels\n{A},\n,jazz\n", "t.csv:3: no url"),
        ("t.csv", f"url,split\n{A},try\n", "t.csv:2: split is 'try', not one of train, validation, test"),
        ("list", "<html>" * 30_000, "list:1: not CSV: field larger than field limit"),
        ("t.jsonl", "{\n", "t.jsonl:1: not JSON"),
        ("t.jsonl", f'{{"url": "{A}", "labels": "\\ud800"}}', "t.jsonl:1: not JSON"),
        ("t.jsonl", "[]\n", "t.jsonl:1: not a JSON object"),
        ("t.jsonl", f'{{"url": "{A}", "labels": 3}}', "t.jsonl:1: labels must be text"),
        ("t.jsonl", f'{{"url": "{A}", "labels": [3]}}', "t.jsonl:1: labels must be text"),
        ("t.jsonl", f'{{"url": "{A}", "artist": [3]}}', "t.jsonl:1: artist must be text"),
        ("t.jsonl", '{"url": 3}', "t.jsonl:1: no url"),
    ],
)
def test_what_is_no_table_is_named_with_its_line(name: str, text: str, said: str) -> None:
    with pytest.raises(InputUnusable) as error:
        read_table(text, name)
    assert said in str(error.value)


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    limits = Limits(retries=0, timeout_s=5)
    with pytest.raises(InputUnusable, match="no such file"):
        open_table(str(tmp_path / "no.csv"), limits)
    with pytest.raises(InputUnusable, match="is a folder"):
        open_table(str(tmp_path), limits)
    (tmp_path / "latin.csv").write_bytes(b"url\nhttp://x/\xe4\n")
    with pytest.raises(InputUnusable, match="not UTF-8 at byte 13"):
        open_table(str(tmp_path / "latin.csv"), limits)
    with pytest.raises(DependencyMissing, match="scheme 'file' is not fetched"):
        open_table(f"file://{tmp_path}/no.csv", limits)
    with pytest.raises(DependencyMissing, match="connection refused"):
        open_table("http://127.0.0.1:1/t.csv", limits)


HOSTS = st.lists(st.sampled_from("abc"), max_size=20)


@given(hosts=HOSTS, per_host=st.integers(1, 3), data=st.data())
def test_every_link_comes_once_and_no_host_beyond_its_share(
    hosts: list[str], per_host: int, data: st.DataObject
) -> None:
    links = [Link(f"http://{host}/{n}") for n, host in enumerate(hosts)]
    queue, running, taken = HostQueue(links, per_host), list[Link](), list[Link]()
    while queue or running:
        link = queue.take() if data.draw(st.booleans()) or not running else None
        if link is not None:
            running.append(link)
            taken.append(link)
            assert sum(other.host == link.host for other in running) <= per_host
        elif running:
            queue.done(running.pop(data.draw(st.integers(0, len(running) - 1))))
    assert sorted(taken, key=lambda link: link.url) == sorted(links, key=lambda link: link.url)
    for host in set(hosts):  # in the table's order within a host
        of_host = [link for link in taken if link.host == host]
        assert of_host == [link for link in links if link.host == host]


@given(failures=st.integers(0, 1000), asked=st.none() | st.floats(0, 1e6), chance=st.floats(0, 1))
def test_pauses_grow_and_are_bounded(failures: int, asked: float | None, chance: float) -> None:
    limits = Limits()
    pause = pause_s(failures, asked, limits, chance)
    assert pause <= pause_s(failures + 1, asked, limits, chance) <= limits.longest_wait_s
    assert pause >= min(asked or 0.0, limits.longest_wait_s)
    assert pause > 0

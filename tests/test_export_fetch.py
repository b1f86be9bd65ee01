"""A table of links against a real server: what is good is kept, what is not is listed, nothing is asked for twice."""

from __future__ import annotations

import csv
import fcntl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export.data.decode import mono_pieces
from export.errors import InputUnusable
from export.fetch.conversion import beginning
from export.fetch.fetching import FetchReport, fetch
from export.fetch.limits import Limits
from export.fetch.link import Link
from tests.audio_files import encode, second_heard, stepped_tones
from tests.link_server import LinkServer, Served, serving
from tests.process import genred

RATE_HZ = 16_000
LIMITS = Limits(timeout_s=5, link_s=20, backoff_s=0.01, retries=2)


@pytest.fixture
def server() -> Iterator[LinkServer]:
    """A server with two good links."""
    with serving() as found:
        found.links["/a.flac"] = Served(recording(0))
        found.links["/b.ogg"] = Served(recording(20, "vorbis", "ogg"), "audio/ogg")
        yield found


def recording(first_s: float, codec: str = "flac", container: str = "flac", seconds: float = 3) -> bytes:
    """Stepped tones as a file, 44.1 kHz stereo."""
    return encode(stepped_tones(seconds, 44_100, first_s), codec, container)


def fetched(server: LinkServer, folder: Path, *paths: str, limits: Limits = LIMITS, retry: bool = False) -> FetchReport:
    """Fetch paths of the server."""
    return fetch([Link(server.url(path), ("jazz",)) for path in paths], folder, RATE_HZ, limits, retry_dead=retry)


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def heard(path: Path) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], int]:
    """All samples and the rate of a file."""
    pieces = list(mono_pieces(path))
    return np.concatenate([samples for samples, _ in pieces]), pieces[0][1]


def test_links_become_mono_flac_at_the_rate_with_a_manifest(server: LinkServer, tmp_path: Path) -> None:
    links = [Link(server.url("/a.flac"), ("jazz", "blues"), "Ann, B", "train", 'A "tune"'), Link(server.url("/b.ogg"))]
    report = fetch(links, tmp_path, RATE_HZ, LIMITS)
    assert (report.fetched, report.there, report.files, report.dead) == (2, 0, 2, ())
    first, second = rows(tmp_path / "manifest.csv")
    assert (first["labels"], first["artist"], first["split"]) == ("jazz;blues", "Ann, B", "train")
    assert (first["title"], first["url"], second["labels"]) == ('A "tune"', links[0].url, "")
    for row, first_s in ((first, 0), (second, 20)):
        samples, rate_hz = heard(tmp_path / row["path"])
        assert rate_hz == RATE_HZ and len(samples) == pytest.approx(3 * RATE_HZ, abs=RATE_HZ * 0.05)
        assert second_heard(samples[RATE_HZ + 2000 : 2 * RATE_HZ - 2000], RATE_HZ) == first_s + 1
    expected = stepped_tones(3, RATE_HZ)
    assert np.abs(heard(tmp_path / first["path"])[0] - expected)[500:-500].max() < 0.05  # clicks between tones apart
    assert not list((tmp_path / "partial").iterdir())


def test_a_second_run_asks_for_nothing_but_what_failed_in_passing(server: LinkServer, tmp_path: Path) -> None:
    server.links["/busy.flac"] = Served(recording(5), statuses=[503] * 3)
    first = fetched(server, tmp_path, "/a.flac", "/gone.flac", "/busy.flac")
    assert {dead.reason for dead in first.dead} == {
        "the server answered 404 Not Found",
        "the server answered 503 Service Unavailable",
    }
    second = fetched(server, tmp_path, "/a.flac", "/gone.flac", "/busy.flac")
    assert (second.fetched, second.there, len(second.dead)) == (1, 1, 1)
    assert (server.asked("/a.flac"), server.asked("/gone.flac"), server.asked("/busy.flac")) == (1, 1, 4)
    fetched(server, tmp_path, "/a.flac", "/gone.flac", "/busy.flac", retry=True)
    assert (server.asked("/a.flac"), server.asked("/gone.flac"), server.asked("/busy.flac")) == (1, 2, 4)


@pytest.mark.parametrize(
    ("path", "served", "reason"),
    [
        ("/gone.mp3", None, "the server answered 404 Not Found"),
        ("/teapot.mp3", Served(statuses=[418]), "the server answered 418 I'm a Teapot"),
        ("/text.mp3", Served(b"no audio " * 3000, "audio/mpeg"), "not audio that FFmpeg can read"),
        ("/empty.mp3", Served(b"", "audio/mpeg"), "not audio that FFmpeg can read"),
        ("/cat.png", Served(b"\x89PNG", "image/png"), "the server sends image/png, which is no audio"),
        ("/to-file.mp3", Served(location="file:///etc/passwd"), "an address with the scheme 'file' is not fetched"),
        ("/to-ftp.mp3", Served(location="ftp://127.0.0.1/a.mp3"), "an address with the scheme 'ftp' is not fetched"),
        ("/round.mp3", Served(location="/round.mp3"), "more than 10 redirects"),
        ("/large.wav", Served(b"\0" * 300_000), "larger than 0.2 MB"),
        ("/endless.wav", Served(b"\0" * 300_000, chunked=True), "larger than 0.2 MB"),
        ("/list.mp3", Served(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"), "what was downloaded"),
        ("/concat.mp3", Served(b"ffconcat version 1.0\nfile '/etc/hostname'\n"), "what was downloaded"),
    ],
)
def test_dead_links_are_listed_with_their_reason(
    server: LinkServer, tmp_path: Path, path: str, served: Served | None, reason: str
) -> None:
    if served is not None:
        server.links[path] = served
    report = fetched(server, tmp_path, path, "/a.flac", limits=replace(LIMITS, max_bytes=200_000))
    assert report.files == 1
    (row,) = rows(tmp_path / "dead-links.csv")
    assert row["url"] == server.url(path) and reason in row["reason"]
    assert not report.dead[0].passing
    assert [row["url"] for row in rows(tmp_path / "manifest.csv")] == [server.url("/a.flac")]
    assert not list((tmp_path / "partial").iterdir())


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/a.mp3", "a.mp3", "http://", "http://[::1", "data:,x"]
)
def test_only_http_addresses_are_asked(tmp_path: Path, url: str) -> None:
    (dead,) = fetch([Link(url)], tmp_path, RATE_HZ, LIMITS).dead
    assert "address" in dead.reason and not dead.passing


def test_redirects_are_followed(server: LinkServer, tmp_path: Path) -> None:
    server.links["/moved"] = Served(location="/further")
    server.links["/further"] = Served(location="/a.flac")
    assert fetched(server, tmp_path, "/moved").fetched == 1


def test_errors_that_pass_are_tried_again(server: LinkServer, tmp_path: Path) -> None:
    server.links["/busy.flac"] = Served(recording(5), statuses=[503, 429], retry_after="0")
    assert fetched(server, tmp_path, "/busy.flac").fetched == 1
    assert server.asked("/busy.flac") == 3


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_broken_download_goes_on_where_it_was(server: LinkServer, tmp_path: Path, etag: str | None) -> None:
    server.links["/cut.wav"] = Served(recording(7, "pcm_s16le", "wav"), break_after=200_000, etag=etag)
    assert fetched(server, tmp_path, "/cut.wav").fetched == 1
    whole, again = server.ranges("/cut.wav")
    assert whole is None and again is not None
    start = int(again.removeprefix("bytes=").rstrip("-"))
    assert 0 < start <= 200_000
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert len(samples) == 3 * RATE_HZ and np.abs(samples - stepped_tones(3, RATE_HZ, 7))[500:-500].max() < 0.05


@pytest.mark.parametrize("ranges", [False, True])
def test_a_half_of_another_file_is_not_gone_on_with(server: LinkServer, tmp_path: Path, ranges: bool) -> None:
    """The server knows no ranges, or its file has changed: If-Range keeps the two from being mixed."""
    link = Served(recording(7, "pcm_s16le", "wav"), ranges=ranges, break_after=200_000, then=[503])
    server.links["/cut.wav"] = link
    assert fetched(server, tmp_path, "/cut.wav", limits=replace(LIMITS, retries=0)).dead[0].passing
    assert list((tmp_path / "partial").glob("*.part"))
    link.content, link.etag = recording(30, "pcm_s16le", "wav"), '"two"'
    assert fetched(server, tmp_path, "/cut.wav").fetched == 1
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert np.abs(samples - stepped_tones(3, RATE_HZ, 30))[500:-500].max() < 0.05


def test_a_part_from_the_wrong_place_is_refused_and_the_file_begun_anew(server: LinkServer, tmp_path: Path) -> None:
    server.links["/cut.wav"] = Served(recording(7, "pcm_s16le", "wav"), break_after=200_000, shift=10)
    assert fetched(server, tmp_path, "/cut.wav").fetched == 1
    whole, part, again = server.ranges("/cut.wav")
    assert whole is again is None and part is not None
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert len(samples) == 3 * RATE_HZ and np.abs(samples - stepped_tones(3, RATE_HZ, 7))[500:-500].max() < 0.05


def test_a_half_of_another_length_is_not_gone_on_with(server: LinkServer, tmp_path: Path) -> None:
    """The file has changed, and the server gave nothing to know it by."""
    link = Served(recording(7, "pcm_s16le", "wav"), break_after=200_000, then=[503], etag=None)
    server.links["/cut.wav"] = link
    assert fetched(server, tmp_path, "/cut.wav", limits=replace(LIMITS, retries=0)).dead[0].passing
    link.content = recording(30, "pcm_s16le", "wav", seconds=4)
    assert fetched(server, tmp_path, "/cut.wav").fetched == 1
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert len(samples) == 4 * RATE_HZ and np.abs(samples - stepped_tones(4, RATE_HZ, 30))[500:-500].max() < 0.05


def test_a_link_that_says_nothing_is_given_up_in_time(server: LinkServer, tmp_path: Path) -> None:
    server.links["/slow.wav"] = Served(recording(7, "pcm_s16le", "wav"), hold_after=1000)
    report = fetched(server, tmp_path, "/slow.wav", "/a.flac", limits=replace(LIMITS, link_s=0.5))
    assert report.fetched == 1
    (dead,) = report.dead
    assert dead.reason == "not done within 0.5 s" and dead.passing


def test_a_stall_is_gone_on_with(server: LinkServer, tmp_path: Path) -> None:
    server.links["/slow.wav"] = Served(recording(7, "pcm_s16le", "wav"), hold_after=100_000)
    assert fetched(server, tmp_path, "/slow.wav", limits=replace(LIMITS, timeout_s=0.3)).fetched == 1
    assert len(server.ranges("/slow.wav")) == 2


def test_the_same_bytes_at_two_addresses_are_one_recording(server: LinkServer, tmp_path: Path) -> None:
    server.links["/copy.flac"] = server.links["/a.flac"]
    links = [Link(server.url("/a.flac"), ("jazz",)), Link(server.url("/copy.flac"), ("blues",), "Ann", "test")]
    report = fetch(links, tmp_path, RATE_HZ, LIMITS)
    assert (report.fetched, report.files) == (2, 1)
    (row,) = rows(tmp_path / "manifest.csv")
    assert (row["labels"], row["artist"], row["split"]) == ("jazz;blues", "Ann", "test")
    assert len(list((tmp_path / "audio").rglob("*.flac"))) == 1


def test_another_rate_is_another_file(server: LinkServer, tmp_path: Path) -> None:
    fetched(server, tmp_path, "/a.flac")
    link = Link(server.url("/a.flac"))
    assert fetch([link], tmp_path, 8_000, LIMITS).fetched == 1
    assert heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])[1] == 8_000
    assert len(list((tmp_path / "audio").rglob("*.flac"))) == 2


def test_a_file_that_was_removed_is_fetched_again(server: LinkServer, tmp_path: Path) -> None:
    fetched(server, tmp_path, "/a.flac")
    for path in (tmp_path / "audio").rglob("*.flac"):
        path.unlink()
    assert fetched(server, tmp_path, "/a.flac").fetched == 1


def test_long_recordings_are_cut(server: LinkServer, tmp_path: Path) -> None:
    fetched(server, tmp_path, "/a.flac", limits=replace(LIMITS, max_duration_s=1.5))
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert len(samples) == 1.5 * RATE_HZ


def test_what_lies_behind_the_cut_is_not_decoded() -> None:
    """In pieces whose seconds do not add up exactly."""
    pieces = iter([(np.zeros(4801, np.float32), 48_000)] * 30)
    taken = list(beginning(pieces, 1.0))
    assert sum(len(samples) for samples, _ in taken) == 48_000
    assert (len(taken), len(list(pieces))) == (10, 20)


def test_temporary_files_of_others_stay(server: LinkServer, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    mine = [tmp_path / ".mine.tmp", tmp_path / "mine" / ".a.tmp"]
    for path in mine:
        path.write_text("not of a fetch")
    (tmp_path / ".manifest.csv.x.tmp").write_text("what a kill leaves")
    fetched(server, tmp_path, "/a.flac")
    assert all(path.is_file() for path in mine)
    assert not (tmp_path / ".manifest.csv.x.tmp").exists()


def test_no_host_is_asked_for_more_than_its_share(server: LinkServer, tmp_path: Path) -> None:
    for n in range(12):
        server.links[f"/{n}.flac"] = Served(recording(n, seconds=0.5))
    paths = [f"/{n}.flac" for n in range(12)]
    fetched(server, tmp_path, *paths, limits=replace(LIMITS, workers=8, per_host=2))
    assert server.most_at_once <= 2


def test_two_runs_do_not_share_a_folder(server: LinkServer, tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputUnusable, match="another genred export fetch is at work"):
            fetched(server, tmp_path, "/a.flac")


def test_the_command_takes_a_table_from_http_and_says_what_came(server: LinkServer, tmp_path: Path) -> None:
    table = "url,labels\na.flac,jazz\nb.ogg,rock\ngone.mp3,rock\n"
    server.links["/lists/table.csv"] = Served(table.encode(), "text/csv")
    for path in ("/a.flac", "/b.ogg"):
        server.links[f"/lists{path}"] = server.links[path]
    done = genred("export", "fetch", server.url("/lists/table.csv"), "-o", str(tmp_path / "music"))
    assert done.returncode == 0, done.stderr
    assert "2 recordings (2 links fetched now, 0 before); 1 dead links are in" in done.stdout and not done.stderr
    assert [row["labels"] for row in rows(tmp_path / "music" / "manifest.csv")] == ["jazz", "rock"]


def test_a_table_is_not_overwritten_by_the_manifest(tmp_path: Path) -> None:
    table = tmp_path / "manifest.csv"
    table.write_text("url\nhttp://127.0.0.1:1/a.mp3\n")
    done = genred("export", "fetch", str(table), "-o", str(tmp_path))
    assert done.returncode == 64
    assert "manifest.csv would be overwritten" in done.stderr
    assert table.read_text().startswith("url\n")


def test_a_table_of_dead_links_alone_is_an_error(server: LinkServer, tmp_path: Path) -> None:
    (tmp_path / "table.jsonl").write_text(f'{{"url": "{server.url("/gone.mp3")}"}}\n')
    done = genred("export", "fetch", str(tmp_path / "table.jsonl"), "-o", str(tmp_path / "music"))
    assert done.returncode == 69 and "none of 1 links gave audio; the first: the server answered 404" in done.stderr

"""yt-dlp through its generic extractor: pages with a player, playlists, and pages without any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from export.fetch.fetching import FetchReport, fetch
from export.fetch.link import Link
from export.fetch.one_link import HALVES
from export.fetch.sites import is_of_a_known_site, yt_dlp_is_here
from tests.link_server import LinkServer, Served, serving
from tests.radio_server import segments
from tests.test_export_fetch import LIMITS, RATE_HZ, heard, recording, rows

pytestmark = pytest.mark.skipif(not yt_dlp_is_here(), reason="needs genred[fetch]")


@pytest.fixture
def server() -> Iterator[LinkServer]:
    """A page with a player, and what it plays."""
    with serving() as found:
        found.links["/tune.mp3"] = Served(recording(4, "libmp3lame", "mp3"), "audio/mpeg")
        found.links["/page"] = page("/tune.mp3")
        yield found


def page(*sources: str) -> Served:
    """A web page with players."""
    players = "".join(f'<audio controls src="{source}"></audio>' for source in sources)
    return Served(f"<html><head><title>A tune</title></head><body>{players}</body></html>".encode(), "text/html")


def fetched(server: LinkServer, folder: Path, path: str) -> FetchReport:
    """Fetch one path of the server."""
    return fetch([Link(server.url(path), ("jazz",))], folder, RATE_HZ, replace(LIMITS, max_bytes=2_000_000))


def test_the_sound_of_a_page_comes(server: LinkServer, tmp_path: Path) -> None:
    report = fetched(server, tmp_path, "/page")
    assert report.fetched == 1, report.dead
    (row,) = rows(tmp_path / "manifest.csv")
    assert row["labels"] == "jazz" and row["title"].startswith("A tune")
    samples, rate_hz = heard(tmp_path / row["path"])
    assert rate_hz == RATE_HZ and len(samples) == pytest.approx(3 * RATE_HZ, abs=0.1 * RATE_HZ)
    assert not list((tmp_path / HALVES).iterdir())
    assert fetched(server, tmp_path, "/page").there == 1 and server.asked("/tune.mp3") <= 2


def test_pieces_of_a_playlist_come_as_one(server: LinkServer, tmp_path: Path) -> None:
    pieces = segments()[:4]
    listed = "".join(f"#EXTINF:1.0,\n/piece{n}.ts\n" for n in range(4))
    text = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n{listed}#EXT-X-ENDLIST\n"
    server.links["/all.m3u8"] = Served(text.encode(), "application/vnd.apple.mpegurl")
    for n, piece in enumerate(pieces):
        server.links[f"/piece{n}.ts"] = Served(piece, "video/mp2t")
    report = fetched(server, tmp_path, "/all.m3u8")
    assert report.fetched == 1, report.dead
    samples, _ = heard(tmp_path / rows(tmp_path / "manifest.csv")[0]["path"])
    assert len(samples) == pytest.approx(4 * RATE_HZ, abs=0.3 * RATE_HZ)


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        ({"/p": Served(b"<html><body>nothing here</body></html>", "text/html")}, "yt-dlp: Unsupported URL"),
        ({"/p": page("/tune.mp3", "/other.mp3")}, "a list of recordings"),
        ({"/p": page("file:///etc/hostname")}, "http"),
        ({"/p": page("/gone.mp3")}, "404"),
        ({"/p": page("/large.mp3"), "/large.mp3": Served(b"\0" * 3_000_000, "audio/mpeg")}, "larger than 2 MB"),
        (
            {
                "/p": Served(
                    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
                    "application/vnd.apple.mpegurl",
                )
            },
            "file:",
        ),
    ],
)
def test_pages_without_sound_are_dead(
    server: LinkServer, tmp_path: Path, links: dict[str, Served], reason: str
) -> None:
    server.links.update(links)
    (dead,) = fetched(server, tmp_path, "/p").dead
    assert reason in dead.reason
    assert not dead.passing, dead.reason
    assert not list((tmp_path / HALVES).iterdir())


def test_a_busy_page_is_tried_again(server: LinkServer, tmp_path: Path) -> None:
    server.links["/tune.mp3"].statuses = [503]
    report = fetched(server, tmp_path, "/page")
    assert report.fetched == 1, report.dead


def test_a_download_that_breaks_goes_on(server: LinkServer, tmp_path: Path) -> None:
    server.links["/tune.mp3"].break_after = 20_000
    report = fetched(server, tmp_path, "/page")
    assert report.fetched == 1, report.dead
    assert any(asked and asked != "bytes=0-" for asked in server.ranges("/tune.mp3"))


def test_sites_are_known_by_their_address() -> None:
    assert is_of_a_known_site("https://www.youtube.com/watch?v=BaW_jenozKc")
    assert not is_of_a_known_site("http://127.0.0.1/page")

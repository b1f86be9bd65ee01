"""Titles inside a radio's bytes, the playlists that lead to it, and addresses without their secrets. All pure."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InputUnusable
from daemon.sources.address import parse_address
from daemon.sources.icy import MAX_TITLE, IcyDemuxer, metadata_interval, parse_title
from daemon.sources.playlist import first_entry, is_hls, is_playlist, target_duration_s


def block(text: str) -> bytes:
    data = text.encode()
    return bytes([-(-len(data) // 16)]) + data.ljust(-(-len(data) // 16) * 16, b"\0")


@given(
    st.binary(max_size=400),
    st.integers(1, 50),
    st.lists(st.sampled_from(["", "StreamTitle='a';", "StreamTitle='';", "StreamUrl='x';"]), min_size=1, max_size=9),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_the_audio_is_the_same_in_any_chunking(audio: bytes, interval: int, texts: list[str], sizes: list[int]) -> None:
    mixed = b""
    for number, start in enumerate(range(0, len(audio), interval)):
        part = audio[start : start + interval]
        mixed += part + (block(texts[number % len(texts)]) if len(part) == interval else b"")
    source, reads = io.BytesIO(mixed), [0]

    def read(size: int) -> bytes:
        reads[0] += 1
        return source.read(min(size, sizes[reads[0] % len(sizes)]))

    demuxer, found = IcyDemuxer(read, interval), b""
    while more := demuxer.read(sizes[len(found) % len(sizes)]):
        found += more
    assert found == audio


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"StreamTitle='Ella - Mack';", "Ella - Mack"),
        (b"StreamTitle='It's so';StreamUrl='http://x';\0\0", "It's so"),
        (b"StreamTitle='a'; b';", "a'; b"),
        ("StreamTitle='Ástor';".encode(), "Ástor"),
        ("StreamTitle='Ástor';".encode("latin-1"), "Ástor"),
        (b"StreamTitle='two\r\nlines\x1b[31m';", "two lines [31m"),
        (b"StreamTitle='';", None),
        (b"StreamTitle='   ';", None),
        (b"StreamUrl='x';", "before"),
        (b"\xff\xfe\x00garbage", "before"),
    ],
)
def test_titles(data: bytes, title: str | None) -> None:
    assert parse_title(data, "before") == title


@given(st.binary(max_size=4080))
def test_any_block_is_a_short_line_or_nothing(data: bytes) -> None:
    for found in (parse_title(data), parse_title(b"StreamTitle='" + data + b"';")):
        assert found is None or (len(found) <= MAX_TITLE and found.isprintable())


@pytest.mark.parametrize(
    ("value", "interval"), [("8192", 8192), ("0", None), ("-1", None), ("x", None), ("", None), ("9" * 30, None)]
)
def test_the_interval(value: str, interval: int | None) -> None:
    assert metadata_interval({"icy-metaint": value}) == interval


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("#EXTM3U\n#EXTINF:-1,Radio\nhttp://radio/live\nhttp://other\n", "http://radio/live"),
        ("\ufefflive.mp3\r\n", "live.mp3"),
        ("[playlist]\nNumberOfEntries=1\nTitle1=x\nFile1=http://radio/a=b\n", "http://radio/a=b"),
        ("[playlist]\n", None),
        ("# nothing\n\n", None),
    ],
)
def test_the_first_entry_of_a_playlist(text: str, entry: str | None) -> None:
    assert first_entry(text) == entry


def test_what_is_a_playlist() -> None:
    assert is_playlist("audio/x-mpegurl", "")
    assert is_playlist("text/plain", ".m3u")
    assert not is_playlist("audio/mpeg", ".m3u")
    assert is_hls("#EXTM3U\n#EXT-X-TARGETDURATION:6\n") and target_duration_s("#EXT-X-TARGETDURATION:6") == 6
    assert not is_hls("#EXTM3U\n#EXTINF:-1,x\n")


def test_an_address_shows_no_secret_and_takes_its_user_to_its_own_host_only() -> None:
    address = parse_address("https://dj:p%40ss@Radio.Example:8443/live mp3?token=t0ken")
    assert address.shown == "https://radio.example:8443/live%20mp3?…"
    assert address.url == "https://dj:p%40ss@radio.example:8443/live%20mp3?token=t0ken"
    assert "p@ss" not in repr(address) and "t0ken" not in repr(address)
    assert address.joined("/other").password == "p@ss"
    assert address.joined("https://elsewhere/").password is None
    assert address.joined("http://radio.example:8443/").password is None
    with pytest.raises(InputUnusable):
        address.joined("file:///etc/passwd")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_one_line(text: str) -> None:
    try:
        parse_address(text)
        parse_address("http://" + text)
    except InputUnusable as refused:
        assert "\n" not in str(refused)

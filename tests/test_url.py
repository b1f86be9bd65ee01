"""A URL as a source: which are refused, secrets that stay secret, files and recordings to their end, letting go."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from daemon.errors import InputUnusable, UrlUnreachable
from daemon.messages import StreamEnd
from daemon.sources.status import SourceState
from daemon.sources.url import UrlSource
from tests.audio_files import encode, stepped_tones
from tests.device_listening import Heard, heard_from
from tests.radio_server import RATE, Radio
from tests.url_listening import no_drop, source_of

pytest_plugins = ["tests.radio_fixtures"]


def seconds(heard: Heard) -> float:
    """Length of the audio so far."""
    return sum(chunk.seconds for chunk in heard.chunks)


def whole(source: UrlSource) -> Heard:
    """A finite source to its end, which must come; no hole in it."""

    async def scenario() -> Heard:
        heard = Heard(source)
        await asyncio.wait_for(heard.listen(), 10)
        return heard

    heard = asyncio.run(scenario())
    assert heard.gaps() == []
    assert heard.source.status.state is SourceState.ENDED
    assert len(heard.ends) == 1
    return heard


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/radio", "'ftp' cannot be a source"),
        ("file:///etc/passwd", "'file' cannot be a source"),
        ("host/radio", "'' cannot be a source"),
        ("http://", "needs a host"),
        ("http:///radio", "needs a host"),
        ("http://host:port/radio", "cannot be read"),
        ("http://host:99999/radio", "cannot be read"),
        ("http://[::1/radio", "cannot be read"),
        ("http://host/" + "x" * 9000, "malformed"),
        ("http://ho st/radio", "malformed"),
        ("http://dj:s3cret@host:0x50/", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_a_source(url: str, said: str) -> None:
    with pytest.raises(InputUnusable, match=said) as raised:
        UrlSource(url, "s", no_drop)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300
    assert "s3cret" not in str(raised.value)


def test_rtsp_that_nobody_serves_is_one_line(radio: Radio) -> None:
    radio.refuse()
    url = radio.url("/stream", "dj:s3cret@").replace("http:", "rtsp:")
    with pytest.raises(UrlUnreachable, match="refused") as raised:
        asyncio.run(Heard(source_of(url, required=True)).listen())
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("user", ["dj:s3cret%2Fword@", "dj:s3cret-wrong@"])
def test_secrets_are_used_and_never_shown(radio: Radio, user: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    url = radio.url("/private?key=t0ken", user)

    async def scenario() -> str:
        source = source_of(url)
        async with heard_from(source) as heard:
            state = SourceState.RETRYING if "wrong" in user else SourceState.RUNNING
            await heard.until_state(state)
            radio.refuse()
            await heard.until(lambda: "refused" in str(source.status.last_error))
            return f"{source.status.as_json()} {source.status} {source} {vars(source)}"

    shown = asyncio.run(scenario()) + caplog.text
    with pytest.raises(UrlUnreachable) as raised:
        asyncio.run(Heard(source_of(url, required=True)).listen())
    shown += str(raised.value) + repr(raised.value)
    assert radio.requests[0][0] == "/private?key=t0ken"
    assert "refused" in shown
    assert not [secret for secret in ("s3cret", "t0ken", "czNjcmV0", "ZGo6") if secret in shown]


@pytest.mark.parametrize("path", ["/file", "/plain-file"])
@pytest.mark.parametrize("broken_after", [None, 20_000])
def test_a_file_over_http_gives_every_frame_once_and_ends(radio: Radio, path: str, broken_after: int | None) -> None:
    tones = stepped_tones(20, RATE)
    radio.file = encode(tones, "flac", "flac", RATE, "s16", channels=1)
    assert len(radio.file) > 300_000
    radio.break_file_after = broken_after
    source = source_of(radio.url(path))
    audio = b"".join(chunk.audio for chunk in whole(source).chunks)
    assert len(audio) == 2 * len(tones)
    assert np.abs(np.frombuffer(audio, "<i2") / 2.0**15 - tones).max() < 2.0**-14
    assert source.duration_s == pytest.approx(20)
    assert (source.status.restarts > 0) is (broken_after is not None)


def test_an_mp4_whose_index_is_at_its_end(radio: Radio) -> None:
    radio.file = encode(stepped_tones(20, RATE), "aac", "mp4")
    source = source_of(radio.url("/file"))
    assert seconds(whole(source)) == pytest.approx(20, abs=0.1)
    assert source.duration_s == pytest.approx(20, abs=0.1)
    assert any("range" in headers for _, headers in radio.requests)


def test_a_file_that_changes_under_the_reader_is_an_error(radio: Radio) -> None:
    radio.file = encode(stepped_tones(30, RATE), "flac", "flac")
    radio.break_file_after = 30_000
    source = source_of(radio.url("/plain-file"))

    async def scenario() -> None:
        heard = Heard(source)
        task = asyncio.create_task(heard.listen())
        await heard.until(lambda: radio.break_file_after is None)
        radio.file = radio.file[:-1000]
        with pytest.raises(UrlUnreachable, match="changed while it was read"):
            await asyncio.wait_for(task, 10)

    asyncio.run(scenario())
    assert source.status.state is SourceState.FAILED


def test_hls_recording_is_heard_to_its_end(radio: Radio) -> None:
    heard = whole(source_of(radio.url("/hls/all.m3u8")))
    assert sum(len(chunk.audio) for chunk in heard.chunks) / (RATE * 2 * 4) == pytest.approx(8, abs=0.2)


def test_an_hls_recording_comes_whole_though_a_piece_is_late(radio: Radio) -> None:
    radio.lost_pieces = {3}

    async def scenario() -> Heard:
        heard = Heard(source_of(radio.url("/hls/all.m3u8")))
        task = asyncio.create_task(heard.listen())
        await heard.until(lambda: "404" in str(heard.source.status.last_error))
        radio.lost_pieces = set()
        await asyncio.wait_for(task, 10)
        return heard

    heard = asyncio.run(scenario())
    assert seconds(heard) == pytest.approx(8.0, abs=0.1)
    assert heard.gaps() == []
    assert heard.ends == [StreamEnd("s", heard.chunks[0].epoch)]


@pytest.mark.parametrize("state", ["on air", "stalled", "waiting to retry", "hls"])
def test_closing_ends_the_thread_soon(radio: Radio, state: str) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/hls/live.m3u8" if state == "hls" else "/live"))) as heard:
            if state == "waiting to retry":
                radio.refuse()
                await heard.until_state(SourceState.RETRYING)
            else:
                await heard.until_running(0.2)
            if state == "stalled":
                radio.stall()
        # from its wait for the next HLS playlist, FFmpeg looks up only once in a target duration (1 s here)
        limit_s = 2.5 if state == "hls" else 1.0
        await heard.until(lambda: all(thread.name != "url s" for thread in threading.enumerate()), limit_s)
        assert heard.source.status.state is SourceState.ENDED

    asyncio.run(scenario())

"""URLs as a source: radios, playlists, titles, files over HTTP, and secrets that stay secret."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import aclosing

import numpy as np
import pytest

from daemon.errors import InputUnusable, UrlUnreachable
from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.status import SourceState
from daemon.sources.url import UrlSource
from tests.audio_files import as_float, encode, stepped_tones
from tests.device_listening import Heard, heard_from
from tests.radio_server import AIR_S, RATE, Radio, broadcasting
from tests.url_listening import no_drop, offset_s, source_of, until_step

log = logging.getLogger(__name__)


@pytest.fixture
def radio() -> Iterator[Radio]:
    """A station that is on air."""
    with broadcasting() as station:
        yield station


def heard_for(url: str, seconds: float) -> Heard:
    """What is heard at `url`."""

    async def scenario() -> Heard:
        async with heard_from(source_of(url)) as heard:
            await heard.until_running(seconds)
        return heard

    return asyncio.run(scenario())


def whole_file(source: UrlSource) -> tuple[bytes, list[StreamEnd]]:
    """A finite source to its end, which must come; no hole in it."""

    async def scenario() -> Heard:
        heard = Heard(source)
        await asyncio.wait_for(heard.listen(), 10)
        return heard

    heard = asyncio.run(scenario())
    assert heard.gaps() == []
    assert heard.source.status.state is SourceState.ENDED
    return b"".join(chunk.audio for chunk in heard.chunks), heard.ends


def test_a_live_stream_is_heard_in_real_time(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            first_s = await heard.until(lambda: bool(heard.chunks))
            await until_step(heard)
            late_s = radio.now_s % AIR_S - (heard.chunks[-1].position / RATE + offset_s(heard.chunks))
        log.info(f"first audio after {first_s:.2f} s; {late_s:.2f} s behind the broadcast")
        assert first_s < 2.0 and late_s < 1.5
        assert heard.gaps() == []
        assert abs(heard.chunks[-1].captured_at_s - time.time()) < 1.5
        assert heard.source.live and radio.listeners == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/shoutcast", "/redirect", "/radio.m3u", "/radio.pls"])
def test_the_ways_to_a_radio(radio: Radio, path: str) -> None:
    heard = heard_for(radio.url(path), 0.3)
    assert heard.chunks[0].format.sample_rate_hz == RATE
    assert heard.source.status.restarts == 0


def test_hls_live_is_heard(radio: Radio) -> None:
    radio.began_s -= 5.0  # a playlist that is full
    heard = heard_for(radio.url("/hls/live.m3u8"), 2.0)
    assert heard.gaps() == []
    offset_s(heard.chunks)


def test_the_title_follows_the_radio(radio: Radio) -> None:
    radio.title = "First – Löwe"

    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await heard.until(lambda: bool(heard.chunks) and heard.chunks[-1].title == "First – Löwe")
            radio.title = "Second's"
            await heard.until(lambda: heard.chunks[-1].title == "Second's")
            radio.title = ""
            await heard.until(lambda: heard.chunks[-1].title is None)
            assert heard.gaps() == []
            mono = as_float(b"".join(chunk.audio for chunk in heard.chunks), heard.chunks[0].format)[:, 0]
            assert np.abs(mono).max() < 0.6  # no title was decoded as sound

    asyncio.run(scenario())


def test_a_listener_too_slow_loses_the_oldest_and_knows(radio: Radio) -> None:
    async def scenario() -> None:
        dropped: list[AudioChunk] = []
        source = UrlSource(radio.url("/live"), "s", dropped.append, buffer_s=0.5)
        async with aclosing(source.chunks()) as chunks:
            first = await anext(chunks)
            await Heard(source).until(lambda: len(dropped) > 2)
            lost = len(dropped)
            after = await anext(chunks)
        assert isinstance(first, AudioChunk) and isinstance(after, AudioChunk)
        assert after.position >= dropped[lost - 1].position + dropped[lost - 1].frames
        assert source.status.dropped_s == pytest.approx(sum(chunk.seconds for chunk in dropped))

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/file", "/plain-file"])
@pytest.mark.parametrize("broken_after", [None, 20_000])
def test_a_file_over_http_gives_every_frame_once_and_ends(radio: Radio, path: str, broken_after: int | None) -> None:
    tones = stepped_tones(20, RATE)
    radio.file = encode(tones, "flac", "flac", RATE, "s16", channels=1)
    assert len(radio.file) > 300_000
    radio.break_file_after = broken_after
    source = source_of(radio.url(path))
    audio, ends = whole_file(source)
    assert len(audio) == 2 * len(tones) and len(ends) == 1
    assert np.abs(np.frombuffer(audio, "<i2") / 2.0**15 - tones).max() < 2.0**-14
    assert source.duration_s == pytest.approx(20)
    assert (source.status.restarts > 0) is (broken_after is not None)


def test_hls_recording_is_heard_to_its_end(radio: Radio) -> None:
    source = source_of(radio.url("/hls/all.m3u8"))
    audio, ends = whole_file(source)
    assert len(audio) / (RATE * 2 * 4) == pytest.approx(8, abs=0.2) and len(ends) == 1


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

"""A live radio at a URL, as it is heard: in real time, by any playlist, in any codec, with its titles."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing

import numpy as np
import pytest

from daemon.messages import AudioChunk
from daemon.sources.url import UrlSource
from tests.audio_files import as_float
from tests.device_listening import Heard, heard_from
from tests.radio_server import AIR_S, RATE, Radio, on_air
from tests.url_listening import offset_s, source_of, until_step

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(300)]  # most of it for waiting to be alone

pytest_plugins = ["tests.radio_fixtures"]
log = logging.getLogger(__name__)


def heard_for(url: str, seconds: float) -> Heard:
    """What is heard at `url`."""

    async def scenario() -> Heard:
        async with heard_from(source_of(url)) as heard:
            await heard.until_running(seconds)
        return heard

    return asyncio.run(scenario())


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


def test_an_aac_radio(radio: Radio) -> None:
    radio.content, radio.content_type = on_air("aac", "adts"), "audio/aac"
    heard = heard_for(radio.url("/live"), 1.6)
    # It is entered amid a frame: now and then the decoder falls for a false sync word, and loses the frames around it.
    few = 3 * 1024
    assert sum(missed for _, missed in heard.gaps()) <= few
    offset_s(heard.chunks, few / RATE)


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

"""URLs as a source, the rarer ways: AAC, MP4, a file that changes, HLS with lost pieces, RTSP, and letting go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from daemon.errors import UrlUnreachable
from daemon.messages import StreamEnd
from daemon.sources.status import SourceState
from tests.audio_files import encode, stepped_tones
from tests.device_listening import Heard, heard_from
from tests.radio_server import RATE, Radio, broadcasting, on_air
from tests.url_listening import offset_s, runs_of, source_of


@pytest.fixture
def radio() -> Iterator[Radio]:
    """A station that is on air."""
    with broadcasting() as station:
        yield station


def seconds(heard: Heard) -> float:
    """Length of the audio so far."""
    return sum(chunk.seconds for chunk in heard.chunks)


def heard_for(url: str, wanted_s: float) -> Heard:
    """So many seconds of what is heard at `url`."""

    async def scenario() -> Heard:
        async with heard_from(source_of(url)) as heard:
            await heard.until(lambda: seconds(heard) > wanted_s)
        return heard

    return asyncio.run(scenario())


def test_an_aac_radio(radio: Radio) -> None:
    radio.content, radio.content_type = on_air("aac", "adts"), "audio/aac"
    heard = heard_for(radio.url("/live"), 1.6)
    # It is entered amid a frame: now and then the decoder falls for a false sync word, and loses the frames around it.
    few = 3 * 1024
    assert sum(missed for _, missed in heard.gaps()) <= few
    offset_s(heard.chunks, few / RATE)


def test_an_mp4_whose_index_is_at_its_end(radio: Radio) -> None:
    radio.file = encode(stepped_tones(20, RATE), "aac", "mp4")
    source = source_of(radio.url("/file"))
    heard = Heard(source)
    asyncio.run(asyncio.wait_for(heard.listen(), 10))
    assert seconds(heard) == pytest.approx(20, abs=0.1)
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


def test_a_lost_piece_of_a_live_hls_stream_is_a_hole(radio: Radio) -> None:
    radio.began_s -= 4.5  # the playlist holds pieces 0 to 3: it begins at 1
    radio.lost_pieces = {5}
    heard = heard_for(radio.url("/hls/live.m3u8"), 5.7)
    ((_, missing),) = heard.gaps()
    assert missing / RATE == pytest.approx(1.0, abs=0.1)
    before, after = runs_of(heard.chunks)
    assert offset_s(after) == pytest.approx(offset_s(before), abs=0.05)
    assert heard.source.status.restarts == 0


def test_a_live_hls_stream_that_stands_still_has_stalled(radio: Radio) -> None:
    radio.began_s -= 5

    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/hls/live.m3u8"))) as heard:
            await heard.until(lambda: seconds(heard) > 1)
            radio.freeze()
            await heard.until_state(SourceState.STALLED)
            assert "no new piece in its playlist" in str(heard.source.status.last_error)

    asyncio.run(scenario())


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
                await heard.until(lambda: seconds(heard) > 0.2)
            if state == "stalled":
                radio.stall()
        # from its wait for the next HLS playlist, FFmpeg looks up only once in a target duration (1 s here)
        limit_s = 2.5 if state == "hls" else 1.0
        await heard.until(lambda: all(thread.name != "url s" for thread in threading.enumerate()), limit_s)
        assert heard.source.status.state is SourceState.ENDED

    asyncio.run(scenario())


def test_rtsp_that_nobody_serves_is_one_line(radio: Radio) -> None:
    radio.refuse()
    url = radio.url("/stream", "dj:s3cret@").replace("http:", "rtsp:")
    with pytest.raises(UrlUnreachable, match="refused") as raised:
        asyncio.run(Heard(source_of(url, required=True)).listen())
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)

"""A radio through every trouble a network makes: noticed, named, heard again, the time line true."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from daemon.errors import UrlUnreachable
from daemon.sources.status import SourceState
from tests.device_listening import Heard, heard_from
from tests.radio_server import RATE, Radio, on_air
from tests.url_listening import STALL_S, drift_s, offset_s, runs_of, source_of, states, until_step

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(300)]  # most of it for waiting to be alone

pytest_plugins = ["tests.radio_fixtures"]
OUTAGE_S = 1.5
MOST_OFF_S = 0.15  # of the time line after an outage
log = logging.getLogger(__name__)


def test_a_dropped_connection_is_opened_again_and_the_gap_is_the_outage(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await until_step(heard)
            radio.refuse()
            began_s = time.monotonic()
            noticed_s = await heard.until_state(SourceState.RETRYING, 2.0)
            await heard.until(lambda: time.monotonic() - began_s > OUTAGE_S)
            assert "connection refused" in str(heard.source.status.last_error)
            radio.start()
            back_s = await heard.until_state(SourceState.RUNNING, 3.0)
            outage_s = time.monotonic() - began_s - 0.1
            await heard.until(lambda: len(heard.gaps()) == 1)
            await until_step(heard)
        ((_, missed),) = heard.gaps()
        log.info(f"drop noticed after {noticed_s:.2f} s, heard again {back_s:.2f} s after the radio came back")
        log.info(f"gap {missed / RATE:.3f} s of an outage of at most {outage_s:.3f} s; off by {drift_s(heard):+.3f} s")
        assert OUTAGE_S - 0.1 < missed / RATE < outage_s + 0.2
        assert abs(drift_s(heard)) < MOST_OFF_S
        assert states(heard)[:2] == [SourceState.RUNNING, SourceState.RETRYING]

    asyncio.run(scenario())


def test_a_short_drop_costs_little(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await until_step(heard)
            radio.drop()
            await heard.until(lambda: len(heard.gaps()) == 1)
            await until_step(heard)
        ((_, missed),) = heard.gaps()
        log.info(f"gap {missed / RATE:.3f} s; off by {drift_s(heard):+.3f} s")
        assert missed / RATE < 0.5
        assert abs(drift_s(heard)) < MOST_OFF_S

    asyncio.run(scenario())


def test_a_stall_is_noticed_named_and_heard_again(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await until_step(heard)
            radio.stall()
            noticed_s = await heard.until_state(SourceState.STALLED, STALL_S + 1.0)
            assert heard.source.status.last_error == f"no bytes for {STALL_S:g} s"
            await heard.until_state(SourceState.RETRYING)
            radio.go_on()
            back_s = await heard.until_state(SourceState.RUNNING, 4.0)
            await heard.until(lambda: len(heard.gaps()) == 1)
            await until_step(heard)
        ((_, missed),) = heard.gaps()
        log.info(f"stall noticed after {noticed_s:.2f} s (limit {STALL_S} s), heard again after {back_s:.2f} s")
        log.info(f"gap {missed / RATE:.3f} s; off by {drift_s(heard):+.3f} s")
        assert noticed_s > STALL_S - 0.2
        assert abs(drift_s(heard)) < MOST_OFF_S

    asyncio.run(scenario())


def test_another_format_begins_a_new_epoch(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await heard.until_running(0.4)
            radio.content = on_air(rate_hz=32_000)
            radio.drop()
            await heard.until(lambda: heard.chunks[-1].format.sample_rate_hz == 32_000)
        first, last = heard.chunks[0], heard.chunks[-1]
        assert [end.epoch for end in heard.ends] == [first.epoch]
        assert last.epoch > first.epoch
        assert next(chunk for chunk in heard.chunks if chunk.epoch == last.epoch).position == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/live", 404, "the server answered 404 Not Found"),
        ("/live", 503, "the server answered 503 Service Unavailable"),
        ("/live", 0, "connection refused"),
        ("/html", 200, "the server sent text/html, not audio"),
        ("/loop", 200, "more than 5 redirects"),
        ("/to-file", 200, "leads to|scheme 'file'"),
        ("/evil.m3u", 200, "leads to|scheme 'file'"),
        ("/circle.m3u", 200, "more than 5 playlists"),
        ("/huge.m3u", 200, "longer than 65536 bytes"),
        ("/garbage", 200, "no audio|FFmpeg"),
    ],
)
def test_what_is_wrong_is_named_and_refused_where_it_is_required(
    radio: Radio, path: str, status: int, said: str
) -> None:
    radio.status = status
    if not status:
        radio.refuse()

    async def scenario() -> None:
        with pytest.raises(UrlUnreachable, match=said) as raised:
            await asyncio.wait_for(Heard(source_of(radio.url(path), required=True)).listen(), 5)
        assert str(raised.value).startswith(f"{radio.url(path)} cannot be listened to: ")
        assert "\n" not in str(raised.value) and len(str(raised.value)) < 200
        async with heard_from(source_of(radio.url(path))) as heard:
            await heard.until(lambda: heard.source.status.restarts >= 1, 3.0)
            assert heard.source.status.state is SourceState.RETRYING
            assert str(raised.value).endswith(str(heard.source.status.last_error))

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [404, 0])
def test_a_radio_that_comes_later_is_heard(radio: Radio, status: int) -> None:
    radio.status = status
    if not status:
        radio.refuse()

    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await heard.until_state(SourceState.RETRYING)
            await heard.until(lambda: heard.source.status.restarts >= 3)  # each is one, whatever is said of it
            radio.status = 200
            if not status:
                radio.start()
            await heard.until_running(0.3)
            assert heard.chunks[0].position == 0

    asyncio.run(scenario())


def test_a_radio_that_sends_a_page_for_a_while_is_heard_again(radio: Radio) -> None:
    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/live"))) as heard:
            await heard.until_running(0.3)
            radio.content_type = "text/html; charset=utf-8"
            radio.drop()
            await heard.until(lambda: "text/html, not audio" in str(heard.source.status.last_error))
            radio.content_type = "audio/mpeg"
            await heard.until_state(SourceState.RUNNING)
            await heard.until_running(0.3)

    asyncio.run(scenario())


def test_a_lost_piece_of_a_live_hls_stream_is_a_hole(radio: Radio) -> None:
    radio.began_s -= 4.5  # the playlist holds pieces 0 to 3: it begins at 1
    radio.lost_pieces = {5}

    async def scenario() -> Heard:
        async with heard_from(source_of(radio.url("/hls/live.m3u8"))) as heard:
            await heard.until_running(5.7)
        return heard

    heard = asyncio.run(scenario())
    ((_, missing),) = heard.gaps()
    assert missing / RATE == pytest.approx(1.0, abs=0.1)
    before, after = runs_of(heard.chunks)
    assert offset_s(after) == pytest.approx(offset_s(before), abs=0.05)
    assert heard.source.status.restarts == 0


def test_a_live_hls_stream_that_stands_still_has_stalled(radio: Radio) -> None:
    radio.began_s -= 5

    async def scenario() -> None:
        async with heard_from(source_of(radio.url("/hls/live.m3u8"))) as heard:
            await heard.until_running(1)
            radio.freeze()
            await heard.until_state(SourceState.STALLED)
            assert "no new piece in its playlist" in str(heard.source.status.last_error)

    asyncio.run(scenario())

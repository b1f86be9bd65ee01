"""The parts of `make soak` that decide: slope, plan of the faults, audio and its truth, books, report."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.messages import AudioChunk, StreamEnd
from tests.kafka_fixtures import MakeTopic
from tests.kafka_oracle import EPOCH, FORMAT, RATE_HZ
from tests.kafka_topics import read as read_topic
from tests.parts import ListSource, make_parts, run_through
from tests.soak_audio import CHUNK_S, HOP_S, PLACES, WINDOW_S, Truth, cut, music, off, place_of, truth_of, windows_in
from tests.soak_books import Books, Fed
from tests.soak_faults import KILL, SWAP, plan
from tests.soak_feed import Plan, feed, name_of, read
from tests.soak_found import Found
from tests.soak_plot import draw
from tests.soak_report import markdown
from tests.soak_slope import most_within, slope_a_minute
from tests.soak_watch import Sample

FED = Fed(streams=3, seconds=20.0, epoch="soak")
SECONDS: dict[str, Any] = {"received": 60.0, "gap": 0.0, "dropped": {}, "unaccounted": 0.0, "tagged": 60.0, "silent": 0}


@given(slope=st.floats(-5, 5), seed=st.integers(0, 1000), count=st.integers(40, 500))
def test_a_few_wild_samples_do_not_bend_the_slope(slope: float, seed: int, count: int) -> None:
    rng, times_s = np.random.default_rng(seed), np.arange(count) * 5.0
    values = 200 + slope * times_s / 60 + rng.normal(0, 0.01, count)
    values[rng.random(count) < 0.1] += 50
    assert slope_a_minute(times_s.tolist(), values.tolist()) == pytest.approx(slope, abs=0.1 + 0.05 * abs(slope))


def test_what_is_of_another_kind_is_no_growth() -> None:
    times_s, kinds = [float(n) for n in range(100)], [f"{n > 50}" for n in range(100)]
    values = [100.0 + 80 * (n > 50) + n / 60 for n in range(100)]
    assert slope_a_minute(times_s, values, kinds) == pytest.approx(1)
    assert slope_a_minute(times_s, values) > 30


def test_a_slope_needs_two_times() -> None:
    with pytest.raises(ValueError, match="two times"):
        slope_a_minute([3.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="two times"):
        slope_a_minute([3.0, 4.0], [1.0, 2.0], ["a", "b"])


@given(st.lists(st.floats(0, 300), max_size=30))
def test_the_most_in_any_minute(times_s: list[float]) -> None:
    counts = [sum(start <= other < start + 60 for other in times_s) for start in times_s]
    assert most_within(times_s, 60) == max(counts, default=0)


@given(seed=st.integers(0, 10**6), length_s=st.floats(60, 20_000))
def test_faults_do_not_overlap_and_end_in_time(seed: int, length_s: float) -> None:
    faults = plan(seed, length_s)
    assert faults == sorted(faults, key=lambda fault: fault.at_s)
    outages = [(fault.at_s, fault.at_s + fault.down_s) for fault in faults if fault.kind == KILL]
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(outages))
    assert all(fault.at_s > 0 and fault.at_s + fault.down_s < length_s for fault in faults)
    assert sum(fault.kind == SWAP for fault in faults) >= length_s / 140
    assert len(outages) >= length_s / 350  # 345 s have one only, where the second is as late and as long as it can be
    if length_s >= 600:
        assert any(end - start > 60 for start, end in outages)


@given(place=st.integers(0, PLACES - 1), position=st.integers(0, 10**8), frames=st.integers(0, RATE_HZ))
def test_the_loop_goes_round(place: int, position: int, frames: int) -> None:
    loop = np.arange(round(PLACES * HOP_S * RATE_HZ)).astype("<i2")
    heard = np.frombuffer(cut(loop.tobytes(), place, position, frames), "<i2")
    at = (np.arange(position, position + frames) + round(place * HOP_S * RATE_HZ)) % len(loop)
    assert np.array_equal(heard, loop[at])


def test_the_truth_is_that_of_any_stream(tiny_model: Path) -> None:
    loop, stream, seconds = music(5), 9, 150.0
    truth = truth_of(tiny_model, loop)
    audio = cut(loop, place_of(stream), 0, round(50 * RATE_HZ)) + cut(
        loop, place_of(stream), round(50 * RATE_HZ), round(60 * RATE_HZ)
    )
    audio += cut(loop, place_of(stream), round(110 * RATE_HZ), round(40 * RATE_HZ))
    size = 7_777 * FORMAT.frame_bytes
    chunks = [_chunk(audio[start : start + size], start // FORMAT.frame_bytes) for start in range(0, len(audio), size)]
    sink = asyncio.run(run_through(make_parts(tiny_model), [ListSource("any", [*chunks, StreamEnd("any", EPOCH)])]))
    windows = windows_in(seconds)
    assert [window.window for window in sink.windows] == list(range(windows))
    assert all(off(w.as_json(), truth.of(stream, w.window, windows)) < 1e-5 for w in sink.windows)
    assert 0 < sum(window.silent for window in sink.windows) < windows / 4
    assert len({str(window.scores) for window in sink.windows}) > PLACES / 2  # or any truth would do


def _chunk(audio: bytes, position: int) -> AudioChunk:
    return AudioChunk("any", EPOCH, position, FORMAT, audio, position / RATE_HZ)


def test_live_streams_come_at_their_time_and_whole(kafka: str, make_topic: MakeTopic, tmp_path: Path) -> None:
    loop, progress = music(5), tmp_path / "progress.json"
    what = Plan(kafka, make_topic(partitions=2), 2, 3, 2.0, "", str(progress), "soak")
    done = asyncio.run(feed(what, loop))
    assert (done.failed, done.acked_s, done.sent_s) == ("", 6.0, 6.0)
    written = read(progress)
    assert written is not None
    assert (written.done, written.acked) == (True, done.acked)
    records = asyncio.run(read_topic(kafka, what.topic, 3 * (round(2 / CHUNK_S) + 1)))
    for stream in range(3):
        own = [record for record in records if record.key == name_of(stream).encode()]
        audio = b"".join(record.value or b"" for record in own)
        assert audio == cut(loop, place_of(stream), 0, 2 * RATE_HZ)
        assert dict(own[-1].headers)["end"] == b"true"
        assert own[2].timestamp - own[0].timestamp == pytest.approx(2 * CHUNK_S * 1000, abs=1)


def _window(stream: int, window: int, model: str = "a", **changes: Any) -> tuple[str, dict[str, Any]]:
    start_s = window * HOP_S
    said = {"stream": name_of(stream), "model": {"name": model}, "start_s": start_s, "end_s": start_s + WINDOW_S}
    said |= {"silent": False, "gap_s": 0.0, "scores": {"x": place_of(stream, window) / 100}}
    return f"{name_of(stream)}/soak/{window}", {**said, **changes}


def _all() -> list[tuple[str, dict[str, Any]]]:
    return [_window(stream, window) for stream in range(FED.streams) for window in range(windows_in(FED.seconds))]


def _books(records: list[tuple[str, dict[str, Any]]]) -> Books:
    said = {place: _window(0, 0, scores={"x": place / 100})[1] for place in range(PLACES)}
    books = Books(FED, {name: Truth(name, said, said, said) for name in "ab"})
    for id_, document in records:
        books.window(id_, document)
    books.tags.update(FED.tags())
    return books


def test_books_in_order() -> None:
    records = _all()
    records[5] = _window(0, 5, "b")  # and back: two swaps
    books = _books(records)
    assert books.faults(True, 2, SECONDS) == []
    assert (books.covered_s, books.lost_s(), books.repeats()) == (60.0, 0.0, 0)
    assert len(FED.tags()) == 3 * (9 + 1)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda records: records.pop(4), "1 windows missing: s000/soak/4"),
        (lambda records: records.append(_window(1, 99)), "1 windows not wanted"),
        (lambda records: records.append(records[2]), "1 windows repeated: s000/soak/2"),
        (lambda records: records.append(_window(0, 2, "c")), "model c"),
        (lambda records: records.append(_window(0, 2, scores={"x": 0.9})), "off by 0."),
        (lambda records: records.append(_window(0, 2, scores={"y": 0.9})), "off by 1"),
        (lambda records: records.append(_window(0, 2, start_s=4.5)), "from 4.5 s"),
        (lambda records: records.append(_window(0, 2, "b")), "more often than 0 times"),
        (lambda records: [records.pop(2) for _ in range(3)], "4.000 s are in no window, 0.000 s of them have a name"),
    ],
)
def test_books_out_of_order(spoil: Callable[[list[tuple[str, dict[str, Any]]]], Any], says: str) -> None:
    records = _all()
    spoil(records)
    assert says in "; ".join(_books(records).faults(True, 0, SECONDS))


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        ({"unaccounted": 0.5}, "0.500 s are not accounted for"),
        ({"received": 59.5}, "59.500 s received of 60.000 s fed"),
        ({"received": 61.0}, "61.000 s received of 60.000 s fed"),
    ],
)
def test_the_daemon_s_own_books(seconds: dict[str, Any], says: str) -> None:
    assert says in "; ".join(_books(_all()).faults(True, 0, {**SECONDS, **seconds}))


def test_what_may_be_at_least_once() -> None:
    books = _books([*_all(), *_all()[:3]])
    again = {**SECONDS, "received": 66.0, "dropped": {"handed_over": 6.0}}
    assert books.faults(False, 0, again) == []
    assert books.faults(True, 0, again) != []


def _found(growth_mb: float, **changes: Any) -> Found:
    samples = [
        Sample(
            at_s=at, rss_mb=200 + growth_mb * at / 60, uss_mb=180, cpu_s=at / 5, threads=7, files=20, ready=True,
            model="a", realtime_factor=400, due_s=3 * at, acked_s=3 * at, received_s=3 * at, analysed_s=3 * at - 3,
            dropped_s=0, gap_s=0, in_flight_s=3, unaccounted_s=0, lag_s=0, log_lines=10,
        )
        for at in np.arange(5.0, 600.0, 5.0)
    ]  # fmt: skip
    log = "".join(
        f'{{"time": "2026-11-22T00:{at // 60:02}:{at % 60:02}Z", "logger": "daemon.{who}", "message": ""}}\n'
        for at, who in [(5, "x"), (200, "x"), (201, "x"), (202, "swap"), (290, "x")]
    )
    found = Found(
        1795305600.0, "exactly-once", 7, 600, 120, samples, [(199, 250)], [202.0], [(205, 252), (300, 303)], log,
        _books(_all()), SECONDS, 1,
    )  # fmt: skip
    return replace(found, **changes)


def test_a_leak_and_a_swap_that_did_not_come_are_seen() -> None:
    assert _found(0.9).wrong() == []
    assert _found(1.1).wrong() == ["memory grows by 1.10 MB a minute"]
    assert _found(0, served=0).wrong() == ["0 of 1 swaps served"]
    uneven = [replace(_found(0).samples[0], unaccounted_s=0.5), *_found(0).samples]
    assert "0.500 s unaccounted for at 5 s" in _found(0, samples=uneven).wrong()
    assert _found(0, troubles=["genred ended with 75"]).wrong() == ["genred ended with 75"]


def test_lines_of_an_outage_and_times_without_readiness() -> None:
    found = _found(0)
    assert found.lines_in_outages() == [2]  # without the answer to SIGHUP
    assert found.unready_between_s() == 3
    assert found.behind_s() == (1.0, 1.0)


def test_the_page_and_its_picture(tmp_path: Path) -> None:
    page = markdown(_found(0.25), "make soak", "a and b", "soak.png")
    assert "**+0.250** / +0.000 MB a minute" in page
    assert "**60.0 / 60.0 / 0.0**" in page
    assert "| exactly as it should be | yes |" in page
    assert "not hold" not in page
    assert "- memory grows by 2.00 MB a minute" in markdown(_found(2), "make soak", "a and b", "soak.png")
    draw(_found(0.25), tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")

"""Time and identity: windows depend on which frames arrived, and on nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cuts import Missing
from daemon.errors import BadChunk
from daemon.messages import AudioChunk
from daemon.windows import Windower
from tests.strategies import (
    EPOCH,
    FORMAT,
    GRID,
    chunk_of,
    chunks_at,
    cut_all,
    identity,
    lost,
    ramp,
    received_frames,
    windows_in,
)

HOP = GRID.hop_frames
cuts = st.lists(st.integers(1, 1000), max_size=60)


def test_a_plain_run_is_cut_on_the_grid() -> None:
    said = cut_all([chunk_of(ramp(270), 0, 270)])
    windows = windows_in(said)
    assert [window.index for window in windows] == [0, 1, 2, 3]
    assert [window.fresh_frames for window in windows] == [2 * HOP, HOP, HOP, HOP]
    assert (windows[1].start_s, windows[1].end_s) == (HOP / 8000, 3 * HOP / 8000)
    assert lost(said) == {"tail": 20}
    assert windows[0].blocks[1] is windows[1].blocks[0]


def test_a_block_holds_its_range_and_its_margins() -> None:
    audio = ramp(300)
    second = windows_in(cut_all([chunk_of(audio, 0, 300)]))[0].blocks[1]
    assert second.audio == audio[(HOP - 7) * 2 : (2 * HOP + 3) * 2]
    first = windows_in(cut_all([chunk_of(audio, 0, 300)]))[0].blocks[0]
    assert first.audio == bytes(7 * 2) + audio[: (HOP + 3) * 2]


def test_the_right_margin_beyond_the_end_is_silence() -> None:
    audio = ramp(2 * HOP)
    last = windows_in(cut_all([chunk_of(audio, 0, 2 * HOP)]))[0].blocks[1]
    assert last.audio == audio[(HOP - 7) * 2 :] + bytes(3 * 2)


def test_unsigned_audio_is_padded_with_its_own_silence() -> None:
    fmt = AudioFormat(SampleFormat.U8, 8000, 1)
    audio = bytes([200]) * (2 * HOP)
    blocks = windows_in(cut_all([chunk_of(audio, 0, 2 * HOP, fmt=fmt)]))[0].blocks
    assert blocks[0].audio == b"\x80" * 7 + bytes([200]) * (HOP + 3)
    assert blocks[1].audio == bytes([200]) * (HOP + 7) + b"\x80" * 3


@given(frames=st.integers(1, 600), cuts=cuts)
def test_any_chunking_gives_the_same_windows(frames: int, cuts: list[int]) -> None:
    audio = ramp(frames)
    whole, pieces = cut_all([chunk_of(audio, 0, frames)]), cut_all(chunks_at(audio, cuts))
    assert [identity(window) for window in windows_in(pieces)] == [identity(window) for window in windows_in(whole)]
    assert received_frames(pieces) == frames
    assert lost(pieces) == lost(whole)


def test_one_frame_a_chunk_gives_the_same_windows() -> None:
    audio = ramp(333)
    single = cut_all(chunks_at(audio, range(333)))
    assert [identity(w) for w in windows_in(single)] == [
        identity(w) for w in windows_in(cut_all([chunk_of(audio, 0, 333)]))
    ]


@given(frames=st.integers(200, 700), cuts=cuts, start=st.integers(0, 650), data=st.data())
def test_a_restart_at_any_record_gives_the_same_windows(
    frames: int, cuts: list[int], start: int, data: st.DataObject
) -> None:
    """A new owner that has published windows < k reads from the record that holds `needed_from(k)`."""
    audio = ramp(frames)
    chunks = chunks_at(audio, cuts)
    whole = windows_in(cut_all(chunks))
    first = data.draw(st.integers(0, len(whole)))
    needed = GRID.needed_from(first)
    kept = [chunk for chunk in chunks if chunk.position + chunk.frames > needed]
    if not kept:
        return
    said = cut_all(kept, first_window=first)
    assert [identity(w)[:3] + identity(w)[6:] for w in windows_in(said)] == [
        identity(w)[:3] + identity(w)[6:] for w in whole[first:]
    ]
    if first:
        # What the first owner counted is not counted again.
        assert [w.fresh_frames for w in windows_in(said)] == [w.fresh_frames for w in whole[first:]]


@given(
    frames=st.integers(100, 900),
    cuts=cuts,
    missing=st.sets(st.integers(0, 60), max_size=30),
    more_cuts=cuts,
)
def test_gaps_depend_on_what_arrived_only(
    frames: int, cuts: list[int], missing: set[int], more_cuts: list[int]
) -> None:
    """The same frames, however cut further, give the same windows, gaps and losses; nothing is unaccounted for."""
    audio = ramp(frames)
    arrived = [chunk for place, chunk in enumerate(chunks_at(audio, cuts)) if place not in missing]
    finer = [
        chunk_of(audio, a, b)
        for chunk in arrived
        for a, b in _pairs([chunk.position, *more_cuts, chunk.position + chunk.frames], chunk)
    ]
    if not arrived:
        return
    once, again = cut_all(arrived), cut_all(finer)
    assert [identity(w) for w in windows_in(once)] == [identity(w) for w in windows_in(again)]
    assert lost(once) == lost(again)
    assert received_frames(once) == sum(chunk.frames for chunk in arrived)


def _pairs(borders: list[int], chunk: AudioChunk) -> list[tuple[int, int]]:
    inside = sorted({b for b in borders if chunk.position <= b <= chunk.position + chunk.frames})
    return list(itertools.pairwise(inside))


def test_a_small_hole_is_filled_and_said() -> None:
    audio = ramp(300)
    said = cut_all([chunk_of(audio, 0, 60), chunk_of(audio, 64, 300)])
    windows = windows_in(said)
    assert [window.index for window in windows] == [0, 1, 2, 3, 4]
    assert [window.gap_frames for window in windows] == [4, 0, 0, 0, 0]
    assert windows[0].fresh_frames == 2 * HOP - 4
    assert Missing(4, filled=True) in said
    filled = windows[0].blocks[1].audio
    assert filled is not None
    assert filled[(60 - HOP + 7) * 2 : (64 - HOP + 7) * 2] == bytes(8)


def test_a_large_hole_is_not_tagged_and_windows_resume_on_the_grid() -> None:
    audio = ramp(600)
    said = cut_all([chunk_of(audio, 0, 260), chunk_of(audio, 330, 600)])
    windows = windows_in(said)
    # Blocks 5 [250,300) and 6 [300,350) are broken: windows 4, 5 and 6 cannot be.
    assert [window.index for window in windows] == [0, 1, 2, 3, 7, 8, 9, 10]
    assert windows[4].gap_frames == 70
    assert lost(said) == {"gap": 10 + 20}


def test_a_block_between_two_holes_is_lost_to_the_gap() -> None:
    audio = ramp(600)
    said = cut_all([chunk_of(audio, 0, 110), chunk_of(audio, 145, 205), chunk_of(audio, 250, 600)])
    assert [window.index for window in windows_in(said)][:2] == [0, 5]
    assert lost(said)["gap"] == 10 + 5 + 50 + 5


def test_a_hole_of_years_is_passed_over() -> None:
    audio = ramp(200)
    far = 10**12 * HOP + 13
    said = cut_all([chunk_of(audio, 0, 200), chunk_of(audio, 0, 200, position_offset=far)])
    assert [window.index for window in windows_in(said)] == [0, 1, 2, 10**12 + 1, 10**12 + 2]
    assert windows_in(said)[3].gap_frames == far - 200 + 0
    assert received_frames(said) == 400


def test_older_positions_are_dropped_and_counted() -> None:
    audio = ramp(300)
    said = cut_all([chunk_of(audio, 0, 150), chunk_of(audio, 100, 150), chunk_of(audio, 120, 300)])
    assert [identity(w) for w in windows_in(said)] == [
        identity(w) for w in windows_in(cut_all([chunk_of(audio, 0, 300)]))
    ]
    assert lost(said) == {"duplicate": 50 + 30}


def test_a_stream_joined_in_its_middle_starts_on_the_grid() -> None:
    audio = ramp(400)
    said = cut_all([chunk_of(audio, 120, 400)])
    windows = windows_in(said)
    assert [window.index for window in windows] == [3, 4, 5, 6]
    assert lost(said) == {"lead_in": 30}
    # The margin that was heard is used.
    assert windows[0].blocks[0].audio == audio[143 * 2 : 203 * 2]


def test_a_stream_shorter_than_a_window_is_counted() -> None:
    said = cut_all([chunk_of(ramp(99), 0, 99)])
    assert windows_in(said) == []
    assert lost(said) == {"tail": 99}


@given(frames=st.integers(1, 500), cuts=cuts)
def test_every_frame_is_pending_or_said_at_any_moment(frames: int, cuts: list[int]) -> None:
    windower = Windower("s", EPOCH, FORMAT, GRID)
    received = said = 0
    for chunk in chunks_at(ramp(frames), cuts):
        received += chunk.frames
        said += received_frames(windower.push(chunk))
        assert said + windower.pending_frames == received
    said += received_frames(windower.flush())
    assert (said, windower.pending_frames) == (received, 0)


def test_memory_is_bounded_by_a_block_and_its_margins() -> None:
    windower = Windower("s", EPOCH, FORMAT, GRID)
    for start in range(0, 5000, 10):
        windower.push(chunk_of(ramp(5000), start, start + 10))
        assert len(windower._audio) <= (GRID.left_frames + HOP + GRID.right_frames + 10) * FORMAT.frame_bytes


def test_a_change_of_format_within_an_epoch_is_refused() -> None:
    windower = Windower("s", EPOCH, FORMAT, GRID)
    windower.push(chunk_of(ramp(10), 0, 10))
    stereo = AudioFormat(SampleFormat.S16LE, 8000, 2)
    with pytest.raises(BadChunk, match="format changed") as refusal:
        windower.push(chunk_of(ramp(20), 0, 10, fmt=stereo))
    assert refusal.value.reason == "format_changed"


def test_a_negative_position_is_refused() -> None:
    with pytest.raises(BadChunk, match="negative"):
        Windower("s", EPOCH, FORMAT, GRID).push(chunk_of(ramp(10), 0, 10, position_offset=-1))


def test_the_wall_time_of_a_windows_end_follows_its_chunks() -> None:
    windows = windows_in(cut_all(chunks_at(ramp(300), [40, 170])))
    assert windows[2].end_at_s == pytest.approx(1000.0 + 4 * HOP / 8000)

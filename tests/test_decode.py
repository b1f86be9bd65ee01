"""Containers -> pieces of PCM: formats, time, corrupt packets, bounds."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import SampleFormat
from daemon.errors import BadChunk
from daemon.sources.decode import Decoder, Piece, open_container
from models.timeline import DUPLICATE_S, MAX_HOLE_S, TOLERANCE_S, Timeline
from tests.audio_files import as_float, encode, second_heard, stepped_tones

RATE = 48_000
SECONDS = 5.0

U8, S16, S32, F32 = SampleFormat.U8, SampleFormat.S16LE, SampleFormat.S32LE, SampleFormat.F32LE
LOSSLESS = [
    ("pcm_u8", "wav", "u8", U8, 1 / 100),
    ("pcm_s16le", "wav", "s16", S16, 1e-4),
    ("pcm_s24le", "wav", "s32", S32, 1e-6),
    ("pcm_s32le", "wav", "s32", S32, 1e-6),
    ("pcm_f32le", "wav", "flt", F32, 1e-7),
    ("pcm_f64le", "wav", "dbl", F32, 1e-7),
    ("pcm_s16be", "aiff", "s16", S16, 1e-4),
    ("flac", "flac", "s16", S16, 1e-4),
    ("flac", "flac", "s32", S32, 1e-6),
]
LOSSY = [
    ("libmp3lame", "mp3"),
    ("vorbis", "ogg"),
    ("libopus", "ogg"),
    ("aac", "mp4"),
    ("aac", "adts"),
    ("aac", "mpegts"),
]


def decoded(content: bytes, chunk_s: float = 1.0) -> tuple[Decoder, list[Piece]]:
    with open_container(io.BytesIO(content), "test") as container:
        decoder = Decoder(container, "test", chunk_s)
        return decoder, list(decoder.pieces())


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("codec", "container", "kind", "expected", "error"), LOSSLESS)
def test_lossless_audio_comes_back_as_it_was(
    codec: str, container: str, kind: str, expected: SampleFormat, error: float, channels: int
) -> None:
    tones = stepped_tones(SECONDS, RATE)
    _, pieces = decoded(encode(tones, codec, container, RATE, kind, channels))
    audio_format = pieces[0].format
    assert (audio_format.sample_format, audio_format.sample_rate_hz, audio_format.channels) == (
        expected,
        RATE,
        channels,
    )
    audio = as_float(b"".join(piece.audio for piece in pieces), audio_format)
    assert audio.shape == (len(tones), channels)
    assert np.abs(audio - tones[:, None]).max() <= error


@pytest.mark.parametrize(("codec", "container"), LOSSY)
def test_lossy_audio_is_in_place(codec: str, container: str) -> None:
    _, pieces = decoded(encode(stepped_tones(SECONDS, RATE), codec, container, RATE))
    audio = as_float(b"".join(piece.audio for piece in pieces), pieces[0].format)[:, 0]
    assert len(audio) / RATE == pytest.approx(SECONDS, abs=0.1)
    for second in range(int(SECONDS)):
        middle = audio[int((second + 0.25) * RATE) : int((second + 0.75) * RATE)]
        assert second_heard(middle, RATE) == second


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize(("codec", "container"), [("libopus", "ogg"), ("aac", "mp4")])
def test_channels_are_kept_apart(codec: str, container: str, channels: int) -> None:
    _, pieces = decoded(encode(stepped_tones(2, RATE), codec, container, RATE, channels=channels))
    assert pieces[0].format.channels == channels


def test_pieces_are_chunk_s_long_and_follow_one_another() -> None:
    _, pieces = decoded(encode(stepped_tones(SECONDS, RATE), "flac", "flac", RATE, "s16"), chunk_s=0.5)
    assert len(pieces) > 5
    expected = 0
    for piece in pieces:
        assert piece.position == expected
        expected += piece.frames
        assert piece.frames <= (0.5 + 0.1) * RATE
    assert expected == SECONDS * RATE


def test_timestamps_rounded_to_milliseconds_are_no_holes() -> None:
    _, pieces = decoded(encode(stepped_tones(SECONDS, 44_100), "libmp3lame", "matroska"))
    assert pieces[-1].position + pieces[-1].frames == sum(piece.frames for piece in pieces)


def test_a_corrupt_stretch_is_a_jump_and_what_follows_is_in_place(caplog: pytest.LogCaptureFixture) -> None:
    content = bytearray(encode(stepped_tones(20, RATE), "aac", "mpegts", RATE))
    half = len(content) // 2
    content[half : half + 40_000] = np.random.default_rng(1).bytes(40_000)
    decoder, pieces = decoded(bytes(content))
    frames = sum(piece.frames for piece in pieces)
    assert frames < 19.9 * RATE
    assert pieces[-1].position + pieces[-1].frames == pytest.approx(20 * RATE, abs=0.1 * RATE)
    last = pieces[-2]
    heard = second_heard(as_float(last.audio, last.format)[: RATE // 4, 0], RATE)
    assert heard == pytest.approx((last.position + RATE / 8) / RATE, abs=1.0)
    assert decoder.skipped_packets > 0
    assert sum("corrupt packet" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("content", [b"", b"hello, this is a text\n" * 100, b"\x00" * 10_000, b"<html>" + b"x" * 5000])
def test_what_is_not_audio_is_refused(content: bytes) -> None:
    with pytest.raises(BadChunk) as refused:
        decoded(content)
    assert refused.value.reason == "not_audio"
    assert "test" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_playlist_does_not_make_ffmpeg_fetch() -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname.ts\n#EXT-X-ENDLIST\n"
    with pytest.raises(BadChunk):
        decoded(playlist)


def test_a_rate_out_of_bounds_is_refused() -> None:
    with pytest.raises(BadChunk) as refused:
        decoded(encode(stepped_tones(1, 4000), "pcm_s16le", "wav", 4000))
    assert refused.value.reason == "audio_format"
    assert "4000 Hz" in str(refused.value)


def test_a_hole_jumps_a_duplicate_is_dropped_a_reset_goes_on() -> None:
    timeline = Timeline(1000)
    assert timeline.place(5_000, 100) == 0
    assert timeline.place(5_100, 100) == 100
    assert timeline.place(5_500, 100) == 500
    assert timeline.place(5_500, 100) is None
    assert timeline.place(None, 100) == 600
    assert timeline.place(0, 100) == 700
    assert timeline.place(100, 100) == 800
    assert timeline.place(10**12, 100) == 900


@given(st.lists(st.tuples(st.none() | st.integers(-(10**9), 10**9), st.integers(1, 5000)), max_size=50))
def test_positions_never_overlap_whatever_the_timestamps(stamps: list[tuple[int | None, int]]) -> None:
    timeline, end = Timeline(8000), 0
    for timestamp, frames in stamps:
        position = timeline.place(timestamp, frames)
        if position is not None:
            assert end <= position <= end + MAX_HOLE_S * 8000
            end = position + frames
    assert DUPLICATE_S > TOLERANCE_S

"""Any audio file -> mono pieces: what the daemon's own reader gives, in bounded memory, or one clear refusal."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from daemon.pcm import decode_mono
from daemon.sources.decode import Decoder, open_container
from export.data.decode import UnreadableAudio, mono_pieces, positioned_pieces
from tests.audio_files import encode, stepped_tones, write

FORMS = [
    ("pcm_u8", "wav", "u8", 22_050, 1),
    ("pcm_s16le", "wav", "s16", 44_100, 2),
    ("pcm_s24le", "wav", "s32", 48_000, 6),
    ("pcm_f32le", "wav", "flt", 16_000, 2),
    ("pcm_f64le", "wav", "dbl", 8_000, 1),
    ("flac", "flac", "s16", 44_100, 2),
    ("libmp3lame", "mp3", None, 44_100, 2),
    ("vorbis", "ogg", None, 44_100, 2),
    ("libopus", "ogg", None, 48_000, 1),
    ("aac", "mp4", None, 44_100, 2),
]

SECOND = encode(stepped_tones(1.0, 44_100), "pcm_s16le", "wav")


@pytest.mark.parametrize(("codec", "container", "kind", "rate_hz", "channels"), FORMS)
@pytest.mark.parametrize("piece_s", [0.7, 30.0])
def test_every_format_is_heard_as_the_daemon_hears_it(
    tmp_path: Path, codec: str, container: str, kind: str | None, rate_hz: int, channels: int, piece_s: float
) -> None:
    content = encode(stepped_tones(3.3, rate_hz), codec, container, rate_hz, kind, channels)
    path = write(tmp_path / f"a.{container}", content)
    pieces = list(mono_pieces(path, piece_s))
    assert {rate for _, rate in pieces} == {rate_hz}
    assert all(piece.dtype == np.float32 and piece.ndim == 1 for piece, _ in pieces)
    assert len(pieces) == (1 if piece_s > 3.3 else 5)
    with open_container(io.BytesIO(content), "a") as opened:
        expected = [decode_mono(piece.audio, piece.format)[0] for piece in Decoder(opened, "a").pieces()]
    np.testing.assert_allclose(np.concatenate([piece for piece, _ in pieces]), np.concatenate(expected), atol=1e-6)


def test_missing_stretches_are_silence_and_what_cannot_be_decoded_is_skipped(tmp_path: Path) -> None:
    content = bytearray(encode(stepped_tones(20, 44_100), "aac", "mpegts"))
    half = len(content) // 2
    content[half : half + 40_000] = np.random.default_rng(1).bytes(40_000)
    path = write(tmp_path / "a.ts", bytes(content))
    with open_container(io.BytesIO(content), "a") as opened:
        expected = [(p.position, p.frames) for p in Decoder(opened, "a", 5.0).pieces()]
    found = [(piece.position, len(piece.samples)) for piece in positioned_pieces(path, 5.0)]
    assert found == expected
    assert sum(frames for _, frames in found) < 19.9 * 44_100
    assert sum(len(piece) for piece, _ in mono_pieces(path)) == expected[-1][0] + expected[-1][1]


def test_samples_that_are_no_audio_are_taken_for_zero(tmp_path: Path) -> None:
    samples = stepped_tones(1.0, 16_000)
    samples[100:200] = np.nan
    samples[300:400] = 1e9
    path = write(tmp_path / "a.wav", encode(samples, "pcm_f32le", "wav", 16_000, "flt", 1))
    ((heard, _),) = mono_pieces(path)
    assert not heard[100:200].any()
    assert not heard[300:400].any()
    np.testing.assert_array_equal(heard[400:], samples[400:])


def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    content = encode(stepped_tones(4.0, 16_000), "pcm_s16le", "wav", 16_000, "s16", 1)
    path = write(tmp_path / "a.wav", content[: len(content) // 2])
    assert sum(len(piece) for piece, _ in mono_pieces(path)) == pytest.approx(32_000, abs=1000)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("noise.mp3", b"no audio, only words " * 50, "is not audio that FFmpeg can read"),
        ("empty.wav", b"", "is empty"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "is not audio that FFmpeg can read"),
        ("missing.wav", None, "does not exist"),
        ("headed.wav", SECOND[: SECOND.index(b"data") + 8], "holds no audio"),
    ],
)
def test_what_is_no_audio_is_refused_by_name(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(UnreadableAudio, match=said) as caught:
        list(mono_pieces(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_rate_that_nobody_hears_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UnreadableAudio, match="is a pipe"):
        next(mono_pieces(tmp_path / "pipe.wav"))
    with pytest.raises(UnreadableAudio, match="is a folder"):
        list(mono_pieces(tmp_path))
    path = write(tmp_path / "a.wav", encode(stepped_tones(1.0, 6_000), "pcm_s16le", "wav", 6_000, "s16", 1))
    with pytest.raises(UnreadableAudio, match="6000 Hz with 1 channels"):
        list(mono_pieces(path))


def test_a_long_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", encode(stepped_tones(300, 44_100), "pcm_s16le", "wav"))  # 53 MB as float32
    tracemalloc.start()
    frames = sum(len(piece) for piece, _ in mono_pieces(path, 2.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames == 300 * 44_100
    assert peak < 5e6
